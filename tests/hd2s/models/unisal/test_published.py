import pytest
import torch

from hd2s import build_model, export_weights, load_weights
from hd2s.models.unisal.published import published_names, told_options
from hd2s.prediction.open_checkpoint import open_checkpoint
from hd2s.weights.checkpoints import WeightsError
from tests.hd2s.models.unisal.plain_unisal import DOMAINS, MASK, published_shapes, random_state
from tests.hd2s.models.unisal.small_unisal import SMALL, clips

# In a block: what the release starts from → torchvision.
FIRST_BLOCK = {"0": "0.0", "1": "0.1", "3": "1", "4": "2"}
OTHER_BLOCKS = {"0": "0.0", "1": "0.1", "3": "1.0", "4": "1.1", "6": "2", "7": "3"}


def imagenet(layout: str) -> dict[str, torch.Tensor]:
    """Return the encoder's random weights as one of the two public files names them."""
    state = {"classifier.1.weight": torch.zeros(1000, 1280), "classifier.1.bias": torch.zeros(1000)}
    for name, tensor in random_state().items():
        if not name.startswith("cnn."):
            continue
        words = name.removeprefix("cnn.").split(".")
        if layout == "torchvision" and words[2] == "conv":
            words[3] = (FIRST_BLOCK if words[1] == "1" else OTHER_BLOCKS)[words[3]]
        state[".".join(words)] = tensor
    return state


def test_the_released_network_has_the_released_entries():
    """835 names and their shapes, a drop mask among them that is drawn anew each time."""
    model = build_model("unisal", seed=0, **SMALL)
    state, names = model.state_dict(), published_names(model)
    found = {names[own]: tuple(state[own].shape) for own in state}
    assert found | {MASK: (3, 256)} == published_shapes()
    assert len(found) + 1 == 835
    assert len(list(model.parameters())) == 396


def test_released_weights_come_back_unchanged(tmp_path):
    state = random_state()
    torch.save({f"module.{name}": tensor for name, tensor in state.items()}, tmp_path / "theirs.pt")
    model = build_model("unisal", seed=0, **SMALL)
    assert load_weights(model, tmp_path / "theirs.pt") == "published"
    export_weights(model, tmp_path / "ours.pt")
    back = torch.load(tmp_path / "ours.pt", weights_only=True)
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], tensor) for name, tensor in state.items() if name != MASK)
    assert back[MASK].shape == (3, 256)


def test_a_released_file_tells_its_model(tmp_path):
    torch.save(random_state(), tmp_path / "theirs.pt")
    model = open_checkpoint(tmp_path / "theirs.pt")
    assert model.declaration.word == "unisal"
    assert model.config.domains == tuple(DOMAINS)
    lacking = {name: x for name, x in random_state().items() if not name.startswith(("rnn", "post_rnn"))}
    assert told_options(lacking) == {"domains": list(DOMAINS), "recurrence": False}
    shared = {name.replace(".bn_DHF1K", ""): x for name, x in random_state().items()}
    assert told_options({n: x for n, x in shared.items() if "bn_" not in n})["domains"] == []


@pytest.mark.parametrize("layout", ["imagenet", "torchvision"])
def test_imagenet_fills_the_encoder_and_nothing_else(tmp_path, layout):
    state = imagenet(layout)
    torch.save(state, tmp_path / "imagenet.pth.tar")
    model = build_model("unisal", seed=0, **SMALL)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert load_weights(model, tmp_path / "imagenet.pth.tar") == layout
    released = random_state()
    names = published_names(model)
    for name, tensor in model.state_dict().items():
        expected = released[names[name]] if name.startswith("encoder.") else before[name]
        assert torch.equal(tensor, expected), name
    assert sum(name.startswith("encoder.") for name in before) == 312


def test_a_start_may_not_be_predicted_with(tmp_path):
    torch.save(imagenet("torchvision"), tmp_path / "imagenet.pt")
    with pytest.raises(WeightsError, match="starts a training and predicts nothing"):
        open_checkpoint(tmp_path / "imagenet.pt")


@pytest.mark.parametrize("lost", ["cnn.features.7.conv.3.weight", "smoothing_salicon.weight"])
def test_what_a_file_lacks_is_named(tmp_path, lost):
    torch.save({name: x for name, x in random_state().items() if name != lost}, tmp_path / "theirs.pt")
    model = build_model("unisal", seed=0, **SMALL)
    with pytest.raises(WeightsError, match=f"missing {lost}"):
        load_weights(model, tmp_path / "theirs.pt")


def test_a_file_that_fills_nothing_is_an_error(tmp_path):
    """The released loader of the encoder takes what fits, and says nothing where nothing does."""
    torch.save({"resnet.conv1.weight": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="other"):
        load_weights(build_model("unisal", seed=0, **SMALL), tmp_path / "other.pt")


def test_one_domain_is_exported_as_a_model_of_its_own(tmp_path):
    torch.save(random_state(), tmp_path / "theirs.pt")
    model = open_checkpoint(tmp_path / "theirs.pt")
    export_weights(model, tmp_path / "one.pt", domain="Hollywood2")
    alone = open_checkpoint(tmp_path / "one.pt")
    assert alone.config.domains == ("Hollywood2",)
    assert sum(p.numel() for p in alone.parameters()) == 3_670_658
    given = alone.normalise(clips(1, 2))
    with torch.no_grad():
        ours, theirs = (each(given, domain="Hollywood2").saliency for each in (alone, model))
    assert torch.equal(ours, theirs)
    with pytest.raises(ValueError, match="Did you mean Hollywood2"):
        export_weights(model, tmp_path / "none.pt", domain="Hollywood")
