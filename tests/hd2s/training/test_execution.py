import pytest
import torch

from hd2s import build_model
from hd2s.layers.domain_classifiers import reverse_gradient
from hd2s.losses import saliency_loss
from hd2s.training.execution import Execution, full_precision

SMALL = {"clip_length": 8, "height": 32, "width": 32, "conspicuity": (1, 2)}
CPU = torch.device("cpu")


def clips():
    return (
        torch.rand(2, 3, 8, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
    )


def trained(execution, name="hd2s_dsl", domain="DHF1K"):
    """Return the model after one forward and backward pass."""
    model = execution.resolve(CPU).prepare(build_model(name, seed=0, **SMALL).double())
    saliency_loss(model(clips(), domain=domain), torch.ones(2, 32, 32)).backward()
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
    model = execution.resolve(CPU).prepare(build_model("hd2s", seed=0, **SMALL))
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    sizes = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        prediction = model(clips().float())
    return sum(sizes.values()), prediction


def test_checkpointing_keeps_a_fraction():
    assert kept_for_backward(Execution(checkpointing=True))[0] < 0.5 * kept_for_backward(Execution())[0]


def test_memory_order():
    for channels_last, order in ((True, torch.channels_last_3d), (False, torch.contiguous_format)):
        model = Execution(channels_last=channels_last).resolve(CPU).prepare(build_model("hd2s", **SMALL))
        weight = model.backbone.block3[0].branch1[1].spatial.conv.weight
        assert weight.is_contiguous(memory_format=order)
        assert model.memory_format == order


def test_the_model_compiles_to_one_graph():
    """Traced as for `torch.compile`, whose code generation takes minutes, and run without it."""
    model = build_model("hd2s_dsl", seed=0, **SMALL).eval()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    with torch.no_grad():
        expected, found = (m(clips().float(), domain="Hollywood2") for m in (model, compiled))
    torch.testing.assert_close(found.saliency, expected.saliency)
    torch.testing.assert_close(found.conspicuity, expected.conspicuity)


def test_the_gradient_reversal_compiles():
    reverse = torch.compile(lambda x: reverse_gradient(2 * x, 0.3), backend="eager", fullgraph=True)
    x = torch.randn(3, requires_grad=True)
    reverse(x).sum().backward()
    torch.testing.assert_close(x.grad, torch.full((3,), -0.6))


def test_defaults_of_a_processor():
    assert Execution().resolve(CPU) == Execution(False, True, False, False)


@pytest.mark.parametrize("option", ["mixed_precision", "compile"])
def test_what_a_processor_gets_wrong_is_refused_there(option):
    with pytest.raises(ValueError, match="wrong weight gradients, and compile a backward pass that corrupts"):
        Execution(**{option: True}).resolve(CPU)
    assert getattr(Execution(**{option: True}).resolve(torch.device("cuda")), option)


def test_compilation_happens_in_place():
    model = build_model("hd2s", **SMALL)
    names = list(model.state_dict())
    assert Execution(False, True, True, False).prepare(model) is model
    assert list(model.state_dict()) == names


def test_maps_are_computed_in_full_precision():
    model = build_model("hd2s_dsl", seed=0, **SMALL).eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        prediction = model(clips().float(), domain="DHF1K")
        with full_precision(CPU):
            expected = model.smoothing["DHF1K"](prediction.unsmoothed)
    assert prediction.conspicuity.dtype == prediction.saliency.dtype == torch.float32
    assert torch.equal(prediction.saliency, expected)
    assert (prediction.conspicuity != prediction.conspicuity.bfloat16().float()).any()
