import pytest
import torch
from torch.nn import functional as F

from hd2s.models.unisal.smoothing import LearnedSmoothing


def plainly(x, weight, factor):
    """Upsample, go on beyond the border, filter."""
    upsampled = F.interpolate(x, scale_factor=factor, mode="nearest")
    return F.conv2d(F.pad(upsampled, (20, 20, 20, 20), mode="replicate"), weight)


@pytest.mark.parametrize(
    ("factor", "size"), [(8, (4, 6)), (8, (1, 2)), (2, (5, 3)), (1, (7, 4)), (3, (4, 4))]
)
def test_filtering_before_upsampling_equals_filtering_after_it(factor, size):
    generator = torch.Generator().manual_seed(0)
    smoothing = LearnedSmoothing().double()
    with torch.no_grad():
        smoothing.weight.copy_(torch.randn(1, 1, 41, 41, generator=generator, dtype=torch.float64))
    x = torch.randn(2, 1, *size, generator=generator, dtype=torch.float64, requires_grad=True)
    found, expected = smoothing(x, factor), plainly(x, smoothing.weight, factor)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)
    towards = torch.randn(found.shape, generator=generator, dtype=torch.float64)
    gradients = [torch.autograd.grad((y * towards).sum(), (x, smoothing.weight)) for y in (found, expected)]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


def test_it_starts_as_a_gaussian_of_sum_1():
    smoothing = LearnedSmoothing().double()
    smoothing.reset_parameters()
    kernel = smoothing.weight[0, 0].detach()
    offsets = torch.arange(41, dtype=torch.float64) - 20
    spread = (kernel.sum(0) * offsets**2).sum().sqrt()
    assert kernel.sum().item() == pytest.approx(1)
    # e⁻² of 41 pixels are 5.55; what lies beyond 20 of them is cut off.
    assert kernel[20, 20].item() / kernel[20, 25].item() == pytest.approx(
        torch.tensor(25 / (2 * 5.5487**2)).exp().item(), rel=1e-4
    )
    assert spread.item() == pytest.approx(5.54, abs=0.02)
