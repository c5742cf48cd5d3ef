"""What MLflow loads a model by: a folder with a description, and weights in it or elsewhere."""

import json

import numpy as np
import pytest

from hd2s import build_model, save_weights
from hd2s.approaches.registry import APPROACHES
from hd2s.models.registry import MODELS
from hd2s.prediction.served import _load_pyfunc, describe
from hd2s.weights.checkpoints import WeightsError
from tests.hd2s.models.small_models import frames_of, predict_clip, trained_like
from tests.hd2s.models.toy_models import TOY, declared


@pytest.fixture
def weights(tmp_path):
    save_weights(trained_like(8), tmp_path / "best.pt", "generalization")
    return tmp_path / "best.pt"


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.slow
def test_it_predicts_as_the_checkpoint_does_with_the_options_that_were_described(tmp_path, weights, copy):
    describe(tmp_path / "new" / "served", weights, {"smoothing_sigma": 2.0, "batch": 3}, copy=copy)
    if copy:
        weights.unlink()
    found = _load_pyfunc(str(tmp_path / "new" / "served")).predict(frames_of(9))
    assert found.dtype == np.float32
    np.testing.assert_allclose(
        found, predict_clip(trained_like(8), frames_of(9), smoothing_sigma=2.0), atol=1e-6
    )


@pytest.mark.slow
def test_a_description_is_plain_json_that_can_be_moved_with_its_copy(tmp_path, weights):
    describe(tmp_path / "served", weights, {"smoothing_sigma": None}, copy=True)
    content = json.loads((tmp_path / "served" / "model.json").read_text(encoding="utf-8"))
    assert content["weights"] == "weights.pt"
    assert content["predictor"] == {"smoothing_sigma": None}
    (tmp_path / "served").rename(tmp_path / "moved")
    assert _load_pyfunc(str(tmp_path / "moved")).predict(frames_of(2)).shape == (2, 32, 32)


@pytest.mark.slow
def test_the_domain_is_a_parameter_of_each_prediction(tmp_path):
    model = trained_like(8, domains=("DHF1K", "LEDOV"))
    save_weights(model, tmp_path / "best.pt", "domain-specific")
    describe(tmp_path / "served", tmp_path / "best.pt", {}, copy=False)
    served = _load_pyfunc(str(tmp_path / "served"))
    for domain in ("DHF1K", "LEDOV", "DHF1K"):
        found = served.predict(frames_of(9), {"domain": domain})
        np.testing.assert_allclose(found, predict_clip(model, frames_of(9), domain=domain), atol=1e-6)
    with pytest.raises(ValueError, match="needs domain"):
        served.predict(frames_of(9))


@pytest.mark.slow
def test_weights_that_have_changed_or_gone_are_told(tmp_path, weights):
    describe(tmp_path / "served", weights, {}, copy=False)
    save_weights(build_model("hd2s", seed=4, clip_length=8, height=32, width=32), weights)
    with pytest.raises(WeightsError, match="other weights than those that were logged"):
        _load_pyfunc(str(tmp_path / "served"))
    weights.unlink()
    with pytest.raises(WeightsError, match=r"tracking\.models=copy"):
        _load_pyfunc(str(tmp_path / "served"))


PLUG_IN = """
from hd2s.approaches.declaration import Approach
from tests.hd2s.models.toy_models import TOY as MODEL

APPROACH = Approach("played", "Played")
"""


def test_modules_that_declare_a_model_and_its_approach_are_found_by_name(tmp_path, monkeypatch):
    for registry in (MODELS, APPROACHES):
        monkeypatch.setattr(registry, "plugged_in", {})
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "plug_in_of_a_user.py").write_text(PLUG_IN, encoding="utf-8")
    model, frames = declared(TOY, frames=4), frames_of(5, (6, 7))
    save_weights(model, tmp_path / "best.pt", "played")
    describe(tmp_path / "served", tmp_path / "best.pt", {}, ["plug_in_of_a_user"], copy=True)
    with pytest.raises(ValueError, match="Unknown model toy"):
        describe(tmp_path / "unknown", tmp_path / "best.pt", {}, copy=True)
        _load_pyfunc(str(tmp_path / "unknown"))
    found = _load_pyfunc(str(tmp_path / "served")).predict(frames)
    np.testing.assert_array_equal(found, predict_clip(model, frames))
