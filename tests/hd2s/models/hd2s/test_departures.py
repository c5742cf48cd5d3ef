"""HD2S's departures are what the code does: each is looked for where it is done."""

import torch
from torch import nn

from hd2s import build_model
from hd2s.approaches.protocol import TrainingProtocol
from hd2s.layers.domain_classifiers import DomainClassifiers
from hd2s.layers.domains import DomainBatchNorm2d
from hd2s.models.hd2s import MODEL
from hd2s.models.hd2s.departures import DEPARTURES


def told(words):
    (found,) = [each for each in DEPARTURES if words in each.told]
    return found


def test_gradients_are_averaged_and_released_ones_summed():
    assert MODEL.settings["train.accumulate"] * MODEL.settings["train.micro_batch"] == 200
    assert TrainingProtocol().gradients == "mean"
    assert MODEL.of_protocol["released"][""]["train.gradients"] == "sum"
    assert told("micro-batches, 25 by default, are averaged").when == {"train.gradients": "mean"}


def test_the_final_gaussian_is_of_the_map_that_the_model_gives():
    config = MODEL.config()
    assert f"{config.height} × {config.width} map" in told("final Gaussian").told
    assert [MODEL.prediction[word].smoothing_sigma for word in ("paper", "released")] == [5.0, 7.0]


def test_classifiers_have_dropout_after_each_hidden_layer_but_the_first():
    for classifier in DomainClassifiers(MODEL.config().features).values():
        first, *others = [m.p for m in classifier.modules() if isinstance(m, nn.Dropout)]
        assert first == 0.0
        assert others
        assert set(others) == {0.5}
    assert told("dropout of 0.5").when == {"approach": "adaptation"}


def test_domain_losses_reach_the_features_through_the_reversal():
    shapes = MODEL.config(height=32, width=32).features
    features = {
        name: torch.rand(2, each.channels, each.height, each.width, requires_grad=True)
        for name, each in shapes.items()
    }
    torch.manual_seed(0)
    logits = DomainClassifiers(shapes)(features, 0.5)
    (-sum(each[:, 0].mean() for each in logits.values())).backward()
    assert all(each.grad.abs().sum() > 0 for each in features.values())
    assert told("reach the feature extractor").when == {"approach": "adaptation"}


def test_domains_own_decoders_norms_fusion_and_smoothing():
    model = build_model("hd2s", seed=0, clip_length=8, height=32, width=32, domains=("DHF1K", "UCFSports"))
    own = {name for name, module in model.named_modules() if isinstance(module, DomainBatchNorm2d)}
    assert own
    assert all(".stages." in name for name in own)
    assert len(model.fusion) == len(model.smoothing) == 2
    assert model.learns_smoothing
    assert told("a fusion of its own").when == {"approach": "domain-specific"}


def test_fine_tuning_has_the_numbers_that_are_told():
    found = told("fine-tunes")
    assert found.when == {
        "approach": "transfer",
        "train.iterations": MODEL.settings["train.finetune_iterations"],
        "train.lr": MODEL.settings["train.lr"],
    }
    assert f"{found.when['train.iterations']:,}" in found.told
