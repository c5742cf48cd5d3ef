"""Protocols stand for settings of their own names: what the released codes do otherwise than the papers."""

from dataclasses import asdict, replace

from hd2s.approaches.adaptation import APPROACH as ADAPTATION
from hd2s.approaches.protocol import TrainingProtocol, settings_of
from hd2s.models.registry import models
from hd2s.models.tested import PredictionProtocol

# Read off train.py, train_DA.py, train_DSL.py and test.py of HD2S's release.
BASE = {
    "model.quantise": True,
    "train.micro_batch": 16,
    "train.accumulate": 25,
    "train.iterations": 5000,
    "train.gradients": "sum",
    "train.resizing": "opencv-bilinear",
    "train.sampling": "passes",
    "train.validation_protocol": "released",
    "train.validation_clips": "random half",
}
TEST = {
    "test.head": "colours reversed",
    "test.quantise": True,
    "test.short_clips": "last window",
    "test.truncate": True,
    "test.resizing": "opencv-bicubic",
}


def of(model, train="released", test="paper", approach="", of_approach=ADAPTATION.of_protocol):
    of_approach = of_approach if approach == "adaptation" else {}
    return settings_of(models()[model], train, test, approach, of_approach)


def test_the_paper_stands_for_nothing_but_what_settings_are_by_themselves():
    assert TrainingProtocol() == TrainingProtocol("mean", "iteration", adversarial_multi_level=True)
    for model in models():
        assert of(model, "paper", approach="adaptation") == {}


def test_the_released_base_training():
    assert of("hd2s") == of("hd2s", approach="generalization") == BASE
    assert of("hd2s", "paper", "released") == TEST


def test_released_domain_specific_learning_and_adaptation_are_otherwise():
    assert of("hd2s", approach="domain-specific") == BASE | {"train.micro_batch": 8}
    assert of("hd2s", approach="adaptation") == BASE | {
        "train.micro_batch": 8,
        "train.iterations": 2500,
        "train.validation_clips": "all",
        "train.pretrained": False,
        "train.lambda_every": "micro-batch",
        "train.adversarial_multi_level": False,
        "train.unlabelled_clips": "train and held-out",
    }


def test_the_released_tased_net():
    """KLD over the batch, norms of two GPUs, gradients summed, no validation; OpenCV's bilinear rule."""
    assert of("tased", test="released") == {
        "model.loss": "batch",
        "model.batch_norm_parts": 2,
        "train.gradients": "sum",
        "train.resizing": "opencv-bilinear",
        "train.sampling": "passes",
        "train.selection": "last",
        "train.validation_protocol": "released",
        "test.quantise": True,
        "test.truncate": True,
        "test.short_clips": "looped",
        "test.resizing": "opencv-bilinear",
    }


def test_a_model_without_a_released_code_of_its_own_takes_nothing_of_others():
    unreleased = replace(models()["hd2s"], of_protocol={}, prediction={"paper": PredictionProtocol()})
    assert settings_of(unreleased, "released", "paper", "adaptation", ADAPTATION.of_protocol) == {}


def test_every_field_of_a_tests_protocol_but_its_gaussian_is_a_setting():
    otherwise = PredictionProtocol(3.0, "colours reversed", True, "looped", True, "opencv-bicubic")
    plain = asdict(PredictionProtocol())
    assert all(value != plain[name] for name, value in asdict(otherwise).items())
    model = replace(models()["hd2s"], prediction={"other": otherwise})
    found = settings_of(model, "paper", "other")
    assert found == {
        f"test.{name}": value for name, value in asdict(otherwise).items() if name != "smoothing_sigma"
    }
