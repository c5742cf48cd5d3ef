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
