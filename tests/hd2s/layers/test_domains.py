import math

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d

from hd2s.layers.domains import DomainBatchNorm2d, GaussianPriors, GaussianSmoothing, gaussian_profiles

DOMAINS = ("DHF1K", "Hollywood2", "UCFSports")


def initialised(module):
    module.reset_parameters()
    return module


def test_priors_equal_gaussians_written_out_pixel_by_pixel():
    priors = initialised(GaussianPriors(("a", "b"))).double()
    with torch.no_grad():
        priors.gaussians["b"] += (
            torch.randn(16, 2, 2, generator=torch.Generator().manual_seed(0)).double() * 0.1
        )
    features = torch.randn(2, 5, 3, 4, dtype=torch.float64)
    found = priors(features, "b")
    assert torch.equal(found[:, :5], features)
    for i in range(16):
        (mu_y, log_y), (mu_x, log_x) = priors.gaussians["b"][i].tolist()
        for row in range(3):
            for column in range(4):
                y, x = (row / 2 - mu_y) / math.exp(log_y), (column / 3 - mu_x) / math.exp(log_x)
                expected = 6 * math.exp(-(y**2) / 2) * math.exp(-(x**2) / 2)
                assert found[1, 5 + i, row, column].item() == pytest.approx(expected, rel=1e-12)


def test_priors_start_on_a_grid_then_stretched_then_wide():
    """Their peaks and widths are read off the maps themselves."""
    maps = initialised(GaussianPriors(("a",)))(torch.zeros(1, 0, 9, 9), "a")[0]
    peaks = [divmod(m.argmax().item(), 9) for m in maps]
    assert peaks[:9] == [(y, x) for y in (2, 4, 6) for x in (2, 4, 6)]
    assert peaks[9:] == [(4, 2), (4, 4), (4, 6), (2, 4), (4, 4), (6, 4), (4, 4)]
    torch.testing.assert_close(maps.amax((1, 2)), torch.full((16,), 6.0))
    along = [(m[y, 8 - x] < m[8 - y, x]).item() for m, (y, x) in zip(maps[9:12], peaks[9:12], strict=True)]
    assert along == [True, False, True], "stretched along y: leaving the column costs more"
    assert maps[15].min() > 4


@pytest.mark.parametrize(("max_sigma", "sigma"), [(10, 5.0), (10, 0.7), (10, 12.0), (2.5, 2.0), (11, -3.0)])
def test_smoothing_equals_scipys_correlation_with_a_gaussian(max_sigma, sigma):
    smoothing = GaussianSmoothing(max_sigma).double()
    with torch.no_grad():
        smoothing.sigma.fill_(sigma)
    size = math.ceil(6 * max_sigma)
    radius = (size if size % 2 else size + 1) // 2
    kernel = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    maps = np.random.default_rng(0).random((2, 24, 37))
    expected = [
        correlate1d(correlate1d(m, kernel, 0, mode="constant"), kernel, 1, mode="constant") for m in maps
    ]
    found = smoothing(torch.from_numpy(maps)).detach()
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_smoothing_learns_sigma():
    smoothing = initialised(GaussianSmoothing(10.0)).double()
    assert smoothing.sigma.item() == 5.0
    maps = torch.rand(2, 40, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weights = torch.rand(2, 40, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (smoothing(maps) * weights).sum().backward()

    def at(sigma):
        with torch.no_grad():
            smoothing.sigma.fill_(sigma)
            return (smoothing(maps) * weights).sum().item()

    assert smoothing.sigma.grad.item() == pytest.approx((at(5 + 1e-5) - at(5 - 1e-5)) / 2e-5, rel=1e-6)
    assert abs(smoothing.sigma.grad.item()) > 1e-3


def test_batch_norm_of_a_domain_is_its_own():
    norms = DomainBatchNorm2d(3, DOMAINS, momentum=0.01)
    x = torch.randn(4, 3, 5, 6) * 2 + 1
    found = norms(x, "UCFSports")
    mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
    normalised = (x - mean[:, None, None]) / (x.var((0, 2, 3), unbiased=False)[:, None, None] + 1e-5).sqrt()
    torch.testing.assert_close(found, normalised)
    torch.testing.assert_close(norms["UCFSports"].running_mean, 0.01 * mean)
    torch.testing.assert_close(norms["UCFSports"].running_var, 0.99 + 0.01 * variance)
    assert (norms["DHF1K"].running_mean == 0).all()


def test_priors_learn_where_and_how_wide_in_their_own_domain_alone():
    parameters = torch.randn(5, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    parameters.requires_grad_()
    assert torch.autograd.gradcheck(lambda p: gaussian_profiles(p[:, 0], 7), parameters)
    priors = initialised(GaussianPriors(("a", "b")))
    priors(torch.zeros(2, 3, 4, 5), "b").square().sum().backward()
    assert priors.gaussians["a"].grad is None
    assert (priors.gaussians["b"].grad.abs() > 0).any(0).all()


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_priors_keep_the_features_order_of_memory_and_type(order):
    features = torch.randn(2, 5, 3, 4).to(torch.bfloat16).contiguous(memory_format=order)
    found = initialised(GaussianPriors(("a",)))(features, "a")
    assert found.dtype == torch.bfloat16
    assert found.is_contiguous(memory_format=order)
