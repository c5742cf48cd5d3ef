import pytest
import torch

from hd2s import build_model, load_weights
from hd2s.models.tased.published import encoder_names, published_names
from hd2s.weights.checkpoints import export_weights
from tests.hd2s.models.hd2s.published import random_state as s3d_state
from tests.hd2s.models.tased.plain_tased import published_shapes, random_state
from tests.hd2s.models.tased.small_tased import SMALL

RELEASED = {"height": 32, "width": 64}


def test_the_released_network_has_the_released_entries():
    """513 names and their shapes, 21,260,693 parameters, 7,910,048 of them the encoder's."""
    model = build_model("tased", seed=0)
    state, names = model.state_dict(), published_names(model)
    assert {names[own]: tuple(state[own].shape) for own in state} == published_shapes()
    assert len(state) == 513
    assert sum(p.numel() for p in model.parameters()) == 21_260_693
    assert sum(p.numel() for p in model.backbone.parameters()) == 7_910_048


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["", "module."])
def test_released_weights_come_back_unchanged(tmp_path, prefix):
    state = random_state()
    torch.save({prefix + name: tensor for name, tensor in state.items()}, tmp_path / "theirs.pt")
    model = build_model("tased", seed=0, **RELEASED)
    assert load_weights(model, tmp_path / "theirs.pt") == "published"
    export_weights(model, tmp_path / "ours.pt")
    back = torch.load(tmp_path / "ours.pt", weights_only=True)
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in state.items())


@pytest.mark.slow
def test_kinetics_fills_the_encoder_and_nothing_else(tmp_path):
    torch.save(s3d_state("kinetics"), tmp_path / "kinetics.pt")
    model = build_model("tased", seed=0, **SMALL)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert load_weights(model, tmp_path / "kinetics.pt") == "kinetics"
    after = model.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    encoder = encoder_names(model).keys()
    assert changed <= encoder
    assert {name for name in encoder if name.endswith("weight")} <= changed


def test_a_file_that_fills_nothing_is_an_error(tmp_path):
    """The released loader says what does not fit, and trains from scratch."""
    torch.save({"resnet.conv1.weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="other"):
        load_weights(build_model("tased", seed=0, **SMALL), tmp_path / "other.pt")


@pytest.mark.parametrize("options", [{"aggregation": "late"}, {"upsampling": "transposed"}])
def test_released_weights_do_not_fill_the_papers_variants(tmp_path, options):
    torch.save(random_state(), tmp_path / "theirs.pt")
    with pytest.raises(ValueError, match=r"unexpected convtsp4\.0\.weight"):
        load_weights(build_model("tased", seed=0, **RELEASED, **options), tmp_path / "theirs.pt")
