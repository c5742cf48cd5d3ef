"""Operations counted by shapes, against those worked out by hand of a model of two convolutions."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from grid.specs.plugins import load
from hd2s.models.registry import find_model, on_meta
from hd2s.prediction.operations import bytes_of, counter, frame_operations, window_operations
from tests.plugged import OURS


def tiny():
    load([OURS])
    return on_meta(find_model("tiny").model, {})


def test_a_window_is_counted_by_its_products():
    model, places = tiny(), {}
    for module in model.modules():
        if hasattr(module, "kernel_size"):
            module.register_forward_hook(lambda m, _, out: places.update({m: out[0, 0].numel()}))
    found = window_operations(model, None)
    assert len(places) == 2
    # Every weight of a convolution is multiplied, and added, at each place of what it gives.
    assert found == sum(2 * module.weight.numel() * n for module, n in places.items())


def test_a_model_without_a_stream_computes_a_whole_window_for_a_frame():
    assert frame_operations(tiny(), None) == window_operations(tiny(), None)


@pytest.mark.slow
def test_what_windows_share_is_counted_once():
    model = on_meta(find_model("hd2s").model, {"clip_length": 8, "height": 64, "width": 64})
    assert 0 < frame_operations(model, None) < window_operations(model, None)


def test_bytes_are_of_weights_and_buffers():
    model = tiny()
    assert bytes_of(model) == 4 * sum(tensor.numel() for tensor in model.state_dict().values())
    with counter() as found:
        pass
    assert found.get_total_flops() == 0


@pytest.mark.parametrize(
    "how",
    [
        {"size": (6, 8), "mode": "bilinear"},
        {"size": 5, "mode": "nearest"},
        {"scale_factor": 2, "mode": "bilinear"},
        {"scale_factor": (1, 2), "mode": "nearest"},
    ],
)
def test_what_is_resized_has_its_shape_and_its_gradient_that_of_what_it_was(how):
    """By PyTorch's own way a third of the time went into finding these shapes."""
    image = torch.empty(2, 3, 4, 5, device="meta", requires_grad=True)
    with counter() as found:
        resized = F.interpolate(image, **how)
        assert F.interpolate(input=image, **how).shape == resized.shape
        (resized @ resized.mT).sum().backward()
    plain = F.interpolate(torch.ones(2, 3, 4, 5), **how)
    assert resized.shape == plain.shape
    assert image.grad.shape == image.shape
    rows, columns = plain.shape[2:]
    assert found.get_total_flops() == 3 * 2 * 6 * rows * rows * columns


@torch.inference_mode()
def test_layers_of_computed_weights_are_counted_as_plain_ones():
    """PyTorch tells modules apart by hooks, and these failed: weight norms were refused before a run."""
    layers = [nn.Conv2d(3, 4, 2, device="meta") for _ in range(2)]
    nn.utils.parametrizations.weight_norm(layers[1])
    totals = []
    for layer in layers:
        with counter() as found:
            layer(torch.empty(1, 3, 5, 6, device="meta"))
        totals.append(found.get_total_flops())
    assert totals == [2 * 4 * 3 * 2 * 2 * 4 * 5] * 2


def test_batch_norms_stand_where_they_are_and_take_a_single_clip():
    class Own(nn.BatchNorm1d):
        def forward(self, x, domain):
            return super().forward(x) + self.running_mean.sum()

    with counter() as found:
        assert Own(4, affine=False)(torch.ones(1, 4), "a domain").sum() == 4
    assert found.get_total_flops() == 0


def test_what_a_batch_norm_leaves_may_be_changed_in_place():
    """A sum onto the norm of a ReLU was refused before a run: it changed what its gradient needs."""
    image = torch.ones(2, 3, 4, 5, device="meta", requires_grad=True)
    with counter():
        normalised = nn.BatchNorm2d(3, device="meta")(image.relu())
        normalised += 1
        normalised.sum().backward()
    assert image.grad.shape == image.shape
