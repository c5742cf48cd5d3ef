"""Convolutions along time and their weights' gradient as products, against PyTorch's own."""

import pytest
import torch
from torch.nn import functional as F

from hd2s.layers.convolution import Conv3d
from hd2s.layers.temporal_convolution import TemporalConvolution, convolved_by_products, seeing_taps

SHAPES = {  # steps, kernel, stride, padding, pixels
    "S3D's first": (16, 7, 2, 3, 40),
    "S3D's first, of an odd number of steps": (9, 7, 2, 3, 40),
    "S3D's first, of fewer steps than its padding": (2, 7, 2, 3, 40),
    "separable": (8, 3, 1, 1, 40),
    "separable, more channels than rows": (4, 3, 1, 1, 1),
    "time removed": (4, 3, 2, 1, 40),
    "time removed, all but one step": (2, 3, 2, 1, 40),
    "one step": (1, 3, 1, 1, 40),
    "one step, stride 2": (1, 3, 2, 1, 40),
    "one step, its last tap": (1, 3, 4, 2, 40),
    "no padding": (5, 3, 1, 0, 6),
    "a stride beyond the kernel": (9, 2, 4, 1, 6),
}


def double(*shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def channels_last(x):
    return x.contiguous(memory_format=torch.channels_last).requires_grad_()


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last], ids=["contiguous", "last"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_values_and_gradients_equal_pytorchs(shape, order):
    steps, kernel, stride, padding, pixels = shape
    x = double(2, 5, steps, pixels, seed=0).contiguous(memory_format=order).requires_grad_()
    weight = channels_last(double(7, 5, kernel, 1, seed=1))
    expected = F.conv2d(x, weight, None, (stride, 1), (padding, 0))
    found = TemporalConvolution.apply(x, weight, stride, padding)
    upstream = double(*expected.shape, seed=2).contiguous(memory_format=order)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    theirs = torch.autograd.grad(expected, (x, weight), upstream)
    ours = torch.autograd.grad(found, (x, weight), upstream)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-11)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_taps_are_those_that_see_more_than_padding(shape):
    steps, kernel, stride, padding, _ = shape
    outputs = (steps + 2 * padding - kernel) // stride + 1
    expected = {}
    for place in range(kernel):
        seen = {out: out * stride + place - padding for out in range(outputs)}
        if within := {out: step for out, step in seen.items() if 0 <= step < steps}:
            expected[place] = within
    found = {
        tap.place: {tap.first + n: tap.seen + n * stride for n in range(tap.end - tap.first)}
        for tap in seeing_taps(steps, kernel, stride, padding)
    }
    assert found == expected


def test_a_gradient_that_nobody_asks_for_is_not_made():
    x, weight = double(2, 5, 4, 6, seed=0), channels_last(double(7, 5, 3, 1, seed=1))
    of_weight = TemporalConvolution.apply(x, weight, 1, 1)
    assert torch.autograd.grad(of_weight.sum(), weight)[0].shape == weight.shape
    of_x = TemporalConvolution.apply(x.requires_grad_(), weight.detach(), 1, 1)
    assert torch.autograd.grad(of_x.sum(), x)[0].shape == x.shape


@pytest.mark.parametrize("steps", [1, 4])
def test_a_parameters_gradient_is_kept_where_it_was_made(steps):
    convolution = Conv3d(128, 128, (3, 1, 1), (1, 1, 1))
    x = torch.randn(4, 128, steps, 16, 16).contiguous(memory_format=torch.channels_last_3d)
    assert convolved_by_products(x.flatten(3), convolution.weight.squeeze(4), 1, 1)
    made = []
    convolution.weight.register_hook(lambda gradient: made.append(gradient.data_ptr()))
    convolution(x).sum().backward()
    assert convolution.weight.grad.data_ptr() == made[0]


def test_products_are_taken_where_they_gain():
    x, weight = torch.zeros(2, 64, 8, 512), torch.zeros(64, 64, 3, 1)
    assert convolved_by_products(x, weight, 1, 1)
    assert not convolved_by_products(x[..., :16], weight, 1, 1)
    assert convolved_by_products(x[:, :, :1, :16], weight, 1, 1)
    assert not convolved_by_products(x.to("meta"), weight.to("meta"), 1, 1)
    with torch.autocast("cpu", torch.bfloat16):
        assert not convolved_by_products(x, weight, 1, 1), "it would mix precisions on the way back"
    with torch.no_grad():
        assert not convolved_by_products(x, weight, 1, 1)
        assert convolved_by_products(x[:, :, :1], weight, 1, 1)


def test_derivatives_of_derivatives_are_refused():
    x, weight = double(2, 5, 4, 6, seed=0).requires_grad_(), channels_last(double(7, 5, 3, 1, seed=1))
    squared = TemporalConvolution.apply(x, weight, 1, 1).square().sum()
    (gradient,) = torch.autograd.grad(squared, x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
