"""Checkpoints as version 1 wrote them, built here by hand, open and predict what they did."""

import numpy as np
import pytest
import torch

from hd2s import load_weights
from hd2s.approaches.learners.calibration import CalibratedModel
from hd2s.layers.domain_classifiers import DomainClassifiers
from hd2s.layers.initialisation import initialise
from hd2s.prediction.open_checkpoint import open_checkpoint
from hd2s.weights.checkpoints import WeightsError
from hd2s.weights.older import modernised
from hd2s.weights.recognition import candidates, read_to_predict
from tests.hd2s.models.small_models import DOMAINS, frames_of, predict_clip, same, trained_like

pytestmark = pytest.mark.slow

FORMAT = "hd2s-grid weights, version 1"
# What a configuration held there, with and without parts of a domain's own.
SHARED = ("clip_length", "height", "width", "conspicuity", "bn_momentum", "fusion_gain")
SPECIFIC = (
    *("domains", "priors", "batch_norm", "smoothing", "fusion"),
    *("domain_bn_momentum", "max_sigma", "quantise"),
)


def found_in(path):
    return candidates(read_to_predict(path), path)


def adapted(model):
    classifiers = DomainClassifiers(model.config.features)
    initialise(classifiers, 0)
    return {f"adversarial.{name}": tensor for name, tensor in classifiers.state_dict().items()}


def calibrated(model):
    around = CalibratedModel(model)
    initialise(around.calibration, 0)
    with torch.no_grad():
        for parameter in around.calibration.parameters():
            parameter.add_(0.05)
    return around


def old(name):
    """Return the model that predicts, and the content of the file that version 1 wrote of it."""
    model = trained_like.__wrapped__(8, **({"domains": DOMAINS[:2]} if name == "hd2s_dsl" else {}))
    state = dict(model.state_dict())
    if name == "hd2s_da":
        state |= adapted(model)
    if name == "hd2s_calibrated":
        model = calibrated(model)
        state |= {f"calibration.{n}": tensor for n, tensor in model.calibration.state_dict().items()}
    fields = SHARED + SPECIFIC if name == "hd2s_dsl" else SHARED
    config = {field: getattr(model.config, field) for field in fields}
    return model.eval(), {"format": FORMAT, "state": state, "model": {"name": name, "config": config}}


KINDS = {
    "hd2s": "",
    "hd2s_da": "adaptation",
    "hd2s_dsl": "domain-specific",
    "hd2s_calibrated": "calibration",
}


@pytest.mark.parametrize("name", KINDS)
def test_every_old_kind_predicts_what_it_did(tmp_path, name):
    model, content = old(name)
    torch.save(content, tmp_path / "old.pt")
    (candidate,) = found_in(tmp_path / "old.pt")
    assert (candidate.model, candidate.approach) == ("hd2s", KINDS[name])
    assert candidate.config == content["model"]["config"]
    found = open_checkpoint(tmp_path / "old.pt")
    assert found.config == model.config
    assert same(found.state_dict(), model.state_dict())
    domain = "Hollywood2" if name == "hd2s_dsl" else None
    expected, predicted = (predict_clip(m, frames_of(10), domain=domain) for m in (model, found))
    np.testing.assert_array_equal(predicted, expected)
    assert np.ptp(expected) > 0.01


@pytest.mark.parametrize("name", KINDS)
def test_the_first_ones_said_nothing_of_their_model(tmp_path, name):
    model, content = old(name)
    if name == "hd2s_dsl":  # of which there was one, with three domains
        model = trained_like.__wrapped__(8, domains=DOMAINS).eval()
        content["state"] = model.state_dict()
    del content["model"]
    torch.save(content, tmp_path / "older.pt")
    size = {"clip_length": 8, "height": 32, "width": 32}
    found = open_checkpoint(tmp_path / "older.pt", options=size)
    assert type(found) is type(model)
    assert same(found.state_dict(), model.state_dict())


def test_what_was_trained_beside_the_model_is_left_out(tmp_path):
    model, content = old("hd2s_da")
    torch.save(content, tmp_path / "old.pt")
    plain = trained_like.__wrapped__(8)
    plain.requires_grad_(False)
    for value in plain.state_dict().values():
        value.zero_()
    assert load_weights(plain, tmp_path / "old.pt") == "own"
    assert same(plain.state_dict(), model.state_dict())


def test_other_files_are_as_they_are():
    for content in ({"a": torch.ones(1)}, {"format": "something else", "state": {"adversarial.x": 1}}, {}):
        assert modernised(content, "new") is content


def test_damaged_ones_stay_damaged(tmp_path):
    _, content = old("hd2s")
    for damage in ({"state": 3}, {"state": {1: 2}}):
        assert modernised(content | damage, "new")["state"] == damage["state"]
    torch.save(content | {"model": "hd2s"}, tmp_path / "old.pt")
    with pytest.raises(WeightsError, match="no name and configuration"):
        found_in(tmp_path / "old.pt")
    torch.save(content | {"model": {"name": "mine", "config": {}}}, tmp_path / "old.pt")
    with pytest.raises(ValueError, match="Unknown model mine"):
        open_checkpoint(tmp_path / "old.pt")
