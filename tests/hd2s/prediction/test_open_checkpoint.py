"""From a file of weights to the model that predicts, whatever is in it."""

import numpy as np
import pytest
import torch

from hd2s import build_model, export_weights, load_weights, save_weights
from hd2s.approaches.learners.calibration import CalibratedModel
from hd2s.layers.initialisation import initialise
from hd2s.models import registry
from hd2s.models.registry import register
from hd2s.prediction.open_checkpoint import open_checkpoint
from hd2s.weights import checkpoints
from hd2s.weights.checkpoints import WeightsError
from tests.hd2s.models.hd2s.published import random_state
from tests.hd2s.models.small_models import DOMAINS, frames_of, predict_clip, same, trained_like
from tests.hd2s.models.toy_models import TOY, declared

SMALL = {"clip_length": 8, "height": 32, "width": 64}
VARIANTS = {
    "one level": {"conspicuity": (3,), "fusion_gain": 2.0},
    "two levels": {"conspicuity": (2, 4), "bn_momentum": np.float64(0.1)},
    "domains": {"domains": ("LEDOV", "DHF1K"), "priors": False, "max_sigma": 5.0},
    "another size": {"height": np.int64(64)},
}


def test_a_file_is_read_once(tmp_path, monkeypatch):
    read, really = [], checkpoints.read_tensors
    monkeypatch.setattr(checkpoints, "read_tensors", lambda path: read.append(path) or really(path))
    save_weights(build_model("hd2s", seed=1, **SMALL), tmp_path / "model.pt", "generalization")
    open_checkpoint(tmp_path / "model.pt")
    assert read == [tmp_path / "model.pt"]


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.slow
def test_a_checkpoint_comes_back_as_it_was_to_evaluate(tmp_path, options):
    model = build_model("hd2s", seed=1, **SMALL | options)
    save_weights(model, tmp_path / "model.pt", "generalization")
    found = open_checkpoint(tmp_path / "model.pt")
    assert found.config == model.config
    assert found.declaration is model.declaration
    assert same(found.state_dict(), model.state_dict())
    assert not any(module.training for module in found.modules())


@pytest.mark.slow
def test_what_its_approach_leaves_around_a_model_comes_with_it(tmp_path):
    model = CalibratedModel(trained_like.__wrapped__(8))
    initialise(model.calibration, 0)
    with torch.no_grad():
        model.calibration.sharpness.fill_(0.1)
    save_weights(model, tmp_path / "model.pt", "calibration")
    found = open_checkpoint(tmp_path / "model.pt")
    assert isinstance(found, CalibratedModel)
    np.testing.assert_array_equal(predict_clip(found, frames_of(9)), predict_clip(model, frames_of(9)))


def test_an_approach_that_leaves_nothing_may_be_unknown_only_if_it_is_none(tmp_path):
    model = build_model("chance", seed=0, height=8, width=8)
    save_weights(model, tmp_path / "model.pt", "transver")
    with pytest.raises(WeightsError, match=r"model\.pt: Unknown approach transver\. Did you mean transfer\?"):
        open_checkpoint(tmp_path / "model.pt")
    save_weights(model, tmp_path / "model.pt")
    assert same(open_checkpoint(tmp_path / "model.pt").state_dict(), model.state_dict())


@pytest.mark.parametrize("word", ["centre_prior", "chance"])
def test_models_without_weights_are_opened_alike(tmp_path, word):
    model = build_model(word, seed=3, height=8, width=12)
    save_weights(model, tmp_path / "model.pt", "untrained")
    frames = frames_of(3, (8, 12))
    expected = predict_clip(model, frames)
    np.testing.assert_array_equal(predict_clip(open_checkpoint(tmp_path / "model.pt"), frames), expected)


@pytest.mark.slow
def test_options_that_are_given_go_before_those_of_the_file(tmp_path):
    save_weights(build_model("hd2s", seed=1, **SMALL), tmp_path / "model.pt")
    found = open_checkpoint(tmp_path / "model.pt", options={"height": 64})
    assert (found.config.clip_length, found.config.height, found.config.width) == (8, 64, 64)


@pytest.mark.parametrize("kind", ["hd2s", "hd2s_da", "hd2s_dsl"])
@pytest.mark.slow
def test_released_weights_are_opened_with_the_domains_that_they_have(tmp_path, kind):
    torch.save(random_state(kind), tmp_path / "released.pth")
    found = open_checkpoint(tmp_path / "released.pth", options=SMALL)
    expected = build_model(kind, **SMALL)
    load_weights(expected, tmp_path / "released.pth")
    assert found.config == expected.config
    assert found.config.domains == (DOMAINS if kind == "hd2s_dsl" else ())
    assert same(found.state_dict(), expected.state_dict())


@pytest.mark.parametrize(("protocol", "quantise"), [("paper", False), ("released", True)])
@pytest.mark.slow
def test_the_released_protocol_rounds_before_learned_smoothing(tmp_path, protocol, quantise):
    torch.save(random_state("hd2s_dsl"), tmp_path / "released.pth")
    found = open_checkpoint(tmp_path / "released.pth", options=SMALL, protocol=protocol)
    assert found.config.quantise == quantise
    given = open_checkpoint(
        tmp_path / "released.pth", options={**SMALL, "quantise": False}, protocol=protocol
    )
    assert not given.config.quantise


@pytest.mark.parametrize("name", ["hd2s", "hd2s_dsl"])
def test_which_model_it_is_may_be_said_by_any_of_its_names(tmp_path, name):
    model = build_model("hd2s", seed=1, domains=["LEDOV"], **SMALL)
    save_weights(model, tmp_path / "model.pt")
    assert open_checkpoint(tmp_path / "model.pt", model=name).config == model.config


def test_another_model_than_the_one_that_was_said_is_told(tmp_path):
    save_weights(build_model("chance", seed=0, height=8, width=8), tmp_path / "model.pt")
    with pytest.raises(WeightsError, match=r"\(2 problems\): missing prior; unexpected noise"):
        open_checkpoint(tmp_path / "model.pt", model="centre_prior")
    with pytest.raises(ValueError, match=r"Unknown model chanse\. Did you mean chance\?"):
        open_checkpoint(tmp_path / "model.pt", model="chanse")


@pytest.mark.parametrize("kind", ["kinetics", "torchvision"])
@pytest.mark.parametrize("model", [None, "hd2s"])
def test_weights_that_only_start_a_training_are_refused_with_what_they_are(tmp_path, kind, model):
    torch.save(random_state(kind), tmp_path / "s3d.pth")
    with pytest.raises(
        WeightsError, match=r"holds S3D on Kinetics-400 in .*, which starts a training and predicts nothing"
    ):
        open_checkpoint(tmp_path / "s3d.pth", model=model)


@pytest.mark.slow
def test_of_misfits_the_nearest_is_told(tmp_path):
    export_weights(build_model("hd2s", seed=0, domains=DOMAINS, **SMALL), tmp_path / "released.pth")
    state = torch.load(tmp_path / "released.pth", weights_only=True)
    del state["GL__dhf1k.sigma"]
    torch.save(state, tmp_path / "released.pth")
    with pytest.raises(WeightsError, match=r"\(1 problems\): missing GL__dhf1k\.sigma"):
        open_checkpoint(tmp_path / "released.pth", options=SMALL)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"height": 33}, r"model\.pt: HD2SConfig: height must be a positive multiple of 32, found 33"),
        ({"heigth": 32}, r"model\.pt: Unknown option of hd2s heigth"),
    ],
)
def test_options_that_the_model_does_not_take_are_told_with_the_file(tmp_path, options, said):
    save_weights(build_model("hd2s", seed=1, **SMALL), tmp_path / "model.pt")
    with pytest.raises(ValueError, match=said):
        open_checkpoint(tmp_path / "model.pt", options=options)


def test_a_model_from_outside_is_opened_once_it_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr(registry.MODELS, "plugged_in", {})
    save_weights(declared(TOY, frames=4), tmp_path / "toy.pt", "generalization")
    told = r"toy\.pt: Unknown model toy\..* known once its folder is named \(--plugins FOLDER\)"
    with pytest.raises(WeightsError, match=told):
        open_checkpoint(tmp_path / "toy.pt")
    register(TOY)
    assert open_checkpoint(tmp_path / "toy.pt").config.frames == 4


def test_a_file_that_no_model_reads(tmp_path):
    torch.save({"encoder.weight": torch.zeros(1)}, tmp_path / "foreign.pt")
    with pytest.raises(WeightsError, match=r"foreign\.pt: expected our own checkpoint or"):
        open_checkpoint(tmp_path / "foreign.pt")
