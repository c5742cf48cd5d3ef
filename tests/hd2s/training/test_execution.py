from dataclasses import replace

import pytest
import torch

from hd2s import build_model
from hd2s.approaches.contract import total
from hd2s.training.execution import Execution
from tests.hd2s.models.small_models import DOMAINS, SMALL, clips

pytestmark = pytest.mark.slow

TWO_LEVELS = {**SMALL, "conspicuity": (1, 2)}
CPU = torch.device("cpu")


def trained(execution, domain="DHF1K"):
    """Return the model after one forward and backward pass."""
    model = build_model("hd2s", seed=0, domains=DOMAINS, **TWO_LEVELS)
    model = execution.resolve(CPU).prepare(model.double())
    prediction = model(clips(dtype=torch.float64), domain=domain)
    total(model.losses(prediction, torch.ones(2, 1, 32, 32))).backward()
    return model


@pytest.mark.parametrize(
    "option", [{"channels_last": False}, {"checkpointing": True}], ids=["contiguous", "ckpt"]
)
def test_options_change_neither_state_nor_gradients(option):
    plain, model = trained(Execution()), trained(Execution(**option))
    assert list(model.state_dict()) == list(plain.state_dict())
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value, rtol=1e-9, atol=1e-12)
    for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True):
        assert (ours.grad is None) == (theirs.grad is None)
        if ours.grad is not None:
            torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-7, atol=1e-10)


def kept_for_backward(execution):
    """Count the distinct bytes that a forward pass keeps."""
    model = execution.resolve(CPU).prepare(build_model("hd2s", seed=0, **TWO_LEVELS))
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    sizes = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        prediction = model(clips())
    return sum(sizes.values()), prediction


def test_checkpointing_keeps_a_fraction():
    assert kept_for_backward(Execution(checkpointing=True))[0] < 0.5 * kept_for_backward(Execution())[0]


def test_memory_order():
    for channels_last, order in ((True, torch.channels_last_3d), (False, torch.contiguous_format)):
        model = Execution(channels_last=channels_last).resolve(CPU).prepare(build_model("hd2s", **TWO_LEVELS))
        weight = model.backbone.block3[0].branch1[1].spatial.conv.weight
        assert weight.is_contiguous(memory_format=order)
        assert model.memory_format == order


@pytest.mark.long
def test_the_model_compiles_to_one_graph():
    """Traced as for `torch.compile`, whose code generation takes minutes, and run without it."""
    model = build_model("hd2s", seed=0, domains=DOMAINS, **TWO_LEVELS).eval()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    with torch.no_grad():
        expected, found = (m(clips(), domain="Hollywood2") for m in (model, compiled))
    torch.testing.assert_close(found.saliency, expected.saliency)
    torch.testing.assert_close(dict(found.auxiliary), dict(expected.auxiliary))


def test_defaults_of_a_processor():
    assert Execution().resolve(CPU) == Execution(False, True, False, False, False)


def test_graphs_are_recorded_on_gpus_but_where_they_cannot_be():
    cuda = torch.device("cuda")
    plain = replace(Execution(), mixed_precision=True)
    assert plain.resolve(cuda).capture
    assert not replace(plain, compile=True).resolve(cuda).capture
    assert not replace(plain, checkpointing=True).resolve(cuda).capture
    assert not replace(plain, capture=False).resolve(cuda).capture
    with pytest.raises(ValueError, match="capture is by CUDA graphs, found cpu"):
        Execution(capture=True).resolve(CPU)


@pytest.mark.parametrize("option", ["mixed_precision", "compile"])
def test_what_a_processor_gets_wrong_is_refused_there(option):
    with pytest.raises(ValueError, match="wrong weight gradients, and compile a backward pass that corrupts"):
        Execution(**{option: True}).resolve(CPU)
    assert getattr(Execution(**{option: True}).resolve(torch.device("cuda")), option)


def test_compilation_happens_in_place():
    model = build_model("hd2s", **TWO_LEVELS)
    names = list(model.state_dict())
    assert Execution(False, True, True, False).prepare(model) is model
    assert list(model.state_dict()) == names
