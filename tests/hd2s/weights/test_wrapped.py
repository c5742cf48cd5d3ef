"""State dicts as people have them: wrapped, prefixed, averaged; of any model."""

import pytest
import torch
from torch.optim.swa_utils import AveragedModel

from hd2s import build_model, load_weights, save_weights
from hd2s.models.registry import models
from hd2s.prediction.open_checkpoint import open_checkpoint
from hd2s.weights.checkpoints import WeightsError, fill, read_content
from hd2s.weights.wrapped import bare, named_as, unwrapped
from tests.hd2s.models.small_models import SMALL, same

CHANCE = {"height": 8, "width": 12}
X = torch.zeros(1)


def prefixed(state, prefix):
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


FORMS = {
    "alone": lambda state: state,
    "state_dict": lambda state: {"state_dict": state, "epoch": 3, "optimizer": {"state": {}}},
    "model": lambda state: {"model": state, "args": {"lr": 0.1}},
    "model_state_dict": lambda state: {"model_state_dict": state, "optimizer_state_dict": {"step": X}},
    "twice": lambda state: {"model": {"state_dict": state}},
    **{
        prefix: lambda state, prefix=prefix: prefixed(state, prefix)
        for prefix in ("module.", "model.", "net.", "_orig_mod.", "module._orig_mod.", "model.module.")
    },
    "of Lightning": lambda state: {"state_dict": prefixed(state, "model."), "global_step": 1},
    "averaged": lambda state: {"n_averaged": torch.tensor(3), **prefixed(state, "module.")},
    "beside its average": lambda state: {
        "state_dict": {name: 0 * tensor for name, tensor in state.items()},
        "state_dict_ema": state,
    },
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("word", ["chance", "hd2s"])
@pytest.mark.slow
def test_a_models_own_state_is_loaded_in_every_form(tmp_path, form, word):
    options = SMALL if word == "hd2s" else CHANCE
    model, other = build_model(word, seed=1, **options), build_model(word, seed=2, **options)
    torch.save(FORMS[form](model.state_dict()), tmp_path / "theirs.pt")
    assert load_weights(other, tmp_path / "theirs.pt") == "own"
    assert same(other.state_dict(), model.state_dict())


@pytest.mark.parametrize("word", sorted(models()))
@pytest.mark.parametrize("form", ["alone", "of Lightning"])
@pytest.mark.slow
def test_which_model_it_is_of_is_found_out(tmp_path, form, word):
    model = build_model(word, seed=1)
    torch.save(FORMS[form](model.state_dict()), tmp_path / "theirs.pt")
    found = open_checkpoint(tmp_path / "theirs.pt")
    assert found.declaration.word == word
    assert same(found.state_dict(), model.state_dict())


def test_an_average_as_pytorch_keeps_it(tmp_path):
    model = build_model("chance", seed=1, **CHANCE)
    torch.save({"ema": AveragedModel(model).state_dict()}, tmp_path / "theirs.pt")
    other = build_model("chance", seed=2, **CHANCE)
    load_weights(other, tmp_path / "theirs.pt")
    assert same(other.state_dict(), model.state_dict())


@pytest.mark.slow
def test_what_is_missing_is_told_in_every_form(tmp_path):
    state = build_model("hd2s", seed=1, **SMALL).state_dict()
    del state["fusion.bias"]
    torch.save({"state_dict": prefixed(state, "module.")}, tmp_path / "theirs.pt")
    with pytest.raises(WeightsError, match=r"\(1 problems\): missing fusion\.bias"):
        load_weights(build_model("hd2s", seed=2, **SMALL), tmp_path / "theirs.pt")


def test_only_prefixes_of_all_names_are_taken_away():
    assert list(bare({"model.a": X, "calibration.b": X})) == [{"model.a": X, "calibration.b": X}]
    assert unwrapped({"model": {"name": "hd2s"}, "a": X}) == {"model": {"name": "hd2s"}, "a": X}
    assert named_as({"net.model.a": X}, ["model.a"]) == {"model.a": X}
    assert named_as({"model.a": X}, ["model.a"]) == {"model.a": X}
    assert named_as({"other": X}, ["model.a"]) is None


@pytest.mark.slow
def test_another_size_of_input_is_told_unless_it_is_asked_for(tmp_path, caplog):
    save_weights(build_model("hd2s", seed=1, **SMALL), tmp_path / "small.pt")
    model = build_model("hd2s", seed=2, **SMALL | {"height": 2 * SMALL["height"]})
    fill(model, read_content(tmp_path / "small.pt"), tmp_path / "small.pt", any_size=True)
    load_weights(build_model("hd2s", seed=2, **SMALL), tmp_path / "small.pt")
    assert not caplog.records
    load_weights(model, tmp_path / "small.pt")
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    size, other = (
        f"{SMALL['clip_length']} frames of {n * SMALL['height']} × {SMALL['width']}" for n in (1, 2)
    )
    assert record.getMessage().endswith(f"its weights are of {size}, and are put into a model of {other}")
