import pytest
import torch
from torch.nn import functional as F

from hd2s.layers.convolution import conv2d, conv3d, max_pool3d

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
