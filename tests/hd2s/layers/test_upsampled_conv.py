"""A convolution computed before the doubling, against the doubling followed by the convolution."""

import pytest
import torch
from torch.nn import functional as F

from hd2s.layers.upsampled_conv import UpsampledConv


@pytest.mark.parametrize("channels", [3, 20])
@pytest.mark.parametrize("size", [(1, 1), (5, 3), (16, 24)])
def test_a_convolution_before_the_doubling_is_the_one_after_it(size, channels):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 7, *size, generator=generator, dtype=torch.float64)
    weight = torch.randn(channels, 7, 3, 3, generator=generator, dtype=torch.float64)
    bias = torch.randn(channels, generator=generator, dtype=torch.float64)
    doubled = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    convolve = UpsampledConv(weight, bias)
    expected = F.conv2d(doubled, weight, bias, padding=1)
    torch.testing.assert_close(convolve(x), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("channels", [3, 20])
def test_maps_keep_their_type_and_channels_last_memory(channels):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(3, 7, 4, 6, generator=generator).contiguous(memory_format=torch.channels_last)
    weight, bias = torch.randn(channels, 7, 3, 3, generator=generator), torch.zeros(channels)
    out = UpsampledConv(weight, bias)(x)
    assert (out.shape, out.dtype) == ((3, channels, 8, 12), torch.float32)
    assert out.is_contiguous(memory_format=torch.channels_last)
    doubled = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(out, F.conv2d(doubled, weight, padding=1), atol=1e-4, rtol=0)


def test_one_convolution_serves_maps_of_several_sizes_and_types():
    weight, bias = torch.ones(1, 1, 3, 3), torch.full((1,), 0.5)
    convolve = UpsampledConv(weight, bias)
    for size in ((2, 3), (3, 2), (2, 3)):
        out = convolve(torch.full((1, 1, *size), 2.0))
        assert out[0, 0, 0, 0] == 4 * 2 + 0.5, "a corner meets four pixels, the rest lies beyond the border"
        assert out[0, 0, 1, 1] == 9 * 2 + 0.5
    exact = UpsampledConv(weight.double(), bias.double())(torch.full((1, 1, 2, 3), 2.0, dtype=torch.float64))
    assert exact.dtype == torch.float64


def test_another_device_does_as_it_is_written():
    weight, bias = torch.empty(4, 7, 3, 3, device="meta"), torch.empty(4, device="meta")
    assert UpsampledConv(weight, bias)(torch.empty(2, 7, 5, 3, device="meta")).shape == (2, 4, 10, 6)
