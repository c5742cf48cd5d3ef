"""The 2-D forms against PyTorch's own 3-D operations, values and gradients, in either memory order."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hd2s.layers.convolution import (
    Conv2d,
    Conv3d,
    ConvTranspose3d,
    MaxPool3d,
    conv2d,
    conv2d_as_product,
    conv3d,
    in_frames,
    max_pool3d,
)

CONVOLUTIONS = {  # kernel, stride, size (T, H, W)
    "pointwise": ((1, 1, 1), (1, 1, 1), (4, 6, 5)),
    "spatial": ((1, 3, 3), (1, 1, 1), (4, 6, 5)),
    "first spatial": ((1, 7, 7), (1, 2, 2), (3, 16, 12)),
    "temporal": ((3, 1, 1), (1, 1, 1), (4, 6, 5)),
    "first temporal": ((7, 1, 1), (2, 1, 1), (8, 6, 5)),
    "temporal removal": ((3, 1, 1), (2, 1, 1), (2, 3, 2)),
    "spatial, few positions": ((1, 3, 3), (1, 1, 1), (2, 2, 2)),
    "temporal, few positions": ((3, 1, 1), (1, 1, 1), (1, 2, 2)),
    "not factorised": ((3, 3, 3), (1, 1, 1), (4, 6, 5)),
}
POOLS = {  # kernel, stride, padding
    "pool1": ((1, 3, 3), (1, 2, 2), (0, 1, 1)),
    "pool3": ((3, 3, 3), (2, 2, 2), (1, 1, 1)),
    "pool4": ((2, 2, 2), (2, 2, 2), (0, 0, 0)),
    "mixed": ((3, 3, 3), (1, 1, 1), (1, 1, 1)),
}
ORDERS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last_3d}


def double(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize(("kernel", "stride", "size"), CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_convolution_and_its_gradients_equal_the_3d_ones(kernel, stride, size, order):
    x, weight = double(2, 5, *size), double(7, 5, *kernel, seed=1)
    padding = tuple(k // 2 for k in kernel)
    expected = F.conv3d(x, weight, None, stride, padding)
    found = conv3d(x.contiguous(memory_format=order), weight.contiguous(memory_format=order), stride, padding)
    upstream = double(*expected.shape, seed=2)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)
    for ours, theirs in zip(
        torch.autograd.grad(found, (x, weight), upstream),
        torch.autograd.grad(expected, (x, weight), upstream),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)


@pytest.mark.parametrize("positions", [1, 64, 65])
def test_product_and_convolution_agree_around_the_switch(positions):
    x, weight = double(1, 3, 1, positions), double(4, 3, 3, 3, seed=1)
    torch.testing.assert_close(conv2d(x, weight, (1, 1), (1, 1)), F.conv2d(x, weight, padding=1))


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize(("kernel", "stride", "padding"), POOLS.values(), ids=POOLS)
def test_pool_and_its_gradient_equal_the_3d_ones(kernel, stride, padding, order):
    x = double(2, 5, 4, 8, 6)
    expected = F.max_pool3d(x, kernel, stride, padding)
    found = max_pool3d(x.contiguous(memory_format=order), kernel, stride, padding)
    upstream = double(*expected.shape, seed=2)
    assert torch.equal(found, expected)
    (ours,), (theirs,) = (torch.autograd.grad(y, x, upstream) for y in (found, expected))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-14)


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (9, 8)])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (3, 1), (5, 7)])
def test_one_product_over_all_patches_is_the_convolution(kernel, size):
    x, weight = double(2, 3, *size), double(4, 3, *kernel, seed=1)
    padding = tuple(k // 2 for k in kernel)
    expected = F.conv2d(x, weight, None, 1, padding)
    torch.testing.assert_close(conv2d_as_product(x, weight, padding), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("stride", [(1, 1), (2, 2)])
def test_a_stride_is_kept_where_there_are_few_positions(stride):
    x, weight = double(1, 3, 5, 5), double(4, 3, 3, 3, seed=1)
    torch.testing.assert_close(conv2d(x, weight, stride, (1, 1)), F.conv2d(x, weight, None, stride, (1, 1)))


@pytest.mark.parametrize(("kernel", "stride"), [((1, 3, 3), (1, 2, 2)), ((3, 1, 1), (2, 1, 1))])
def test_the_module_is_pytorchs_with_its_weights(kernel, stride):
    ours = Conv3d(5, 7, kernel, stride).double()
    theirs = nn.Conv3d(5, 7, kernel, stride, tuple(k // 2 for k in kernel), bias=False).double()
    theirs.load_state_dict(ours.state_dict())
    x = double(2, 5, 4, 6, 5)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("k", [1, 3])
def test_the_2d_module_keeps_height_and_width(k):
    ours, theirs = Conv2d(5, 7, k).double(), nn.Conv2d(5, 7, k, padding=k // 2, bias=False).double()
    theirs.load_state_dict(ours.state_dict())
    x = double(2, 5, 9, 8)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=1e-12)


@pytest.mark.parametrize("batch", [1, 2])
def test_weights_gradients_and_activations_stay_in_channels_last_memory(batch):
    order = torch.channels_last_3d
    x = torch.randn(batch, 5, 4, 6, 6).contiguous(memory_format=order)
    for layer in (Conv3d(5, 7, (1, 3, 3), (1, 1, 1)), Conv3d(5, 7, (3, 1, 1), (1, 1, 1))):
        out = layer(x)
        out.sum().backward()
        assert out.is_contiguous(memory_format=order)
        assert layer.weight.is_contiguous(memory_format=order)
        assert layer.weight.grad.is_contiguous(memory_format=order)
    assert MaxPool3d((3, 3, 3), (1, 1, 1), (1, 1, 1))(x).is_contiguous(memory_format=order)
    assert Conv2d(5, 7, 3).weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_another_device_runs_the_2d_operations_where_they_are_views(order):
    x = torch.empty(2, 5, 4, 8, 6, device="meta").contiguous(memory_format=order)
    assert in_frames(x) == (order == torch.channels_last_3d)
    for kernel, stride, _ in CONVOLUTIONS.values():
        weight, padding = torch.empty(7, 5, *kernel, device="meta"), tuple(k // 2 for k in kernel)
        expected = F.conv3d(x, weight, None, stride, padding).shape
        assert conv3d(x, weight, stride, padding).shape == expected
    assert max_pool3d(x, (3, 3, 3), (2, 2, 2), (1, 1, 1)).shape == (2, 5, 2, 4, 3)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize(("k", "stride"), [(1, 1), (3, 1), (4, 2)])
def test_transposed_convolution_and_its_gradients_equal_the_3d_one(k, stride, order):
    layer = ConvTranspose3d(5, 7, (1, k, k), (1, stride, stride)).double()
    x = double(2, 5, 3, 4, 6)
    padding = (0, (k - stride) // 2, (k - stride) // 2)
    expected = F.conv_transpose3d(x, layer.weight, None, (1, stride, stride), padding)
    assert expected.shape == (2, 7, 3, 4 * stride, 6 * stride)
    found = layer(x.contiguous(memory_format=order))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)
    upstream, of = double(*expected.shape, seed=2), (x, layer.weight)
    for ours, theirs in zip(
        torch.autograd.grad(found, of, upstream), torch.autograd.grad(expected, of, upstream), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)
