import math

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d
from torch import nn

from hd2s import build_model
from hd2s.layers.domains import (
    DomainBatchNorm2d,
    DomainSpecificConfig,
    GaussianPriors,
    GaussianSmoothing,
    gaussian_profiles,
)
from hd2s.losses import saliency_loss

SMALL = {"clip_length": 8, "height": 32, "width": 32}
DOMAINS = ("DHF1K", "Hollywood2", "UCFSports")


def clips(batch=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 3, 8, 32, 32, generator=generator) * 2 - 1


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


def test_batch_norm_in_evaluation_is_by_the_domain_s_own_statistics():
    norms, x = DomainBatchNorm2d(3, DOMAINS, momentum=1.0), torch.randn(4, 3, 5, 6) * 2 + 1
    trained = norms(x, "UCFSports")
    norms.eval()
    torch.testing.assert_close(norms(x, "UCFSports"), trained, rtol=0, atol=0.02)
    torch.testing.assert_close(norms(x, "DHF1K"), x / (1 + 1e-5) ** 0.5)


def test_training_on_one_domain_leaves_the_others_alone():
    """Statistics and parameters alike, though the optimiser has moments for all of them."""
    model = build_model("hd2s_dsl", seed=0, **SMALL)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-2)
    maps = torch.rand(2, 32, 32, generator=torch.Generator().manual_seed(0))

    def train(domain):
        optimiser.zero_grad()
        saliency_loss(model(clips(), domain=domain), maps).backward()
        optimiser.step()

    for domain in DOMAINS:
        train(domain)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    train("Hollywood2")
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert not any(domain in name for name in moved for domain in ("DHF1K", "UCFSports"))
    own = {name for name in before if "Hollywood2" in name}
    assert own <= moved
    assert {name.split(".")[0] for name in own} == {"conspicuity", "priors", "fusion", "smoothing"}


def test_domains_differ_only_through_their_parts():
    model = build_model("hd2s_dsl", seed=0, **SMALL).eval()
    with torch.no_grad():
        first = model(clips(), domain="DHF1K")
        for name in ("priors", "fusion"):
            for own, parameter in getattr(model, name).named_parameters():
                if "UCFSports" in own:
                    parameter.add_(0.1)
        model.smoothing["UCFSports"].sigma += 1
        again, other = model(clips(), domain="DHF1K"), model(clips(), domain="UCFSports")
    assert torch.equal(first.saliency, again.saliency)
    assert (first.conspicuity != other.conspicuity).any()
    assert (first.saliency != other.saliency).any()


@pytest.mark.parametrize("part", ["priors", "batch_norm", "smoothing", "fusion"])
def test_each_part_can_be_switched_off(part):
    whole, model = (build_model("hd2s_dsl", seed=0, **off, **SMALL) for off in ({}, {part: False}))
    counts = {
        "priors": lambda m: len(m.priors),
        "batch_norm": lambda m: sum(isinstance(module, DomainBatchNorm2d) for module in m.modules()),
        "smoothing": lambda m: len(m.smoothing),
        "fusion": lambda m: sum(isinstance(f, nn.ModuleDict) for f in [m.fusion]),
    }
    expected = {"priors": 4, "batch_norm": 59, "smoothing": 3, "fusion": 1}
    assert {name: count(whole) for name, count in counts.items()} == expected
    assert {name: count(model) for name, count in counts.items()} == {**expected, part: 0}
    prediction = model.eval()(clips(), domain="DHF1K")
    assert prediction.saliency.shape == (2, 32, 32)
    assert torch.equal(prediction.saliency, prediction.unsmoothed) == (part == "smoothing")


def test_a_shared_batch_norm_keeps_the_constants_of_the_base_model():
    base, shared = build_model("hd2s", **SMALL), build_model("hd2s_dsl", batch_norm=False, **SMALL)

    def constants(model):
        norms = nn.modules.batchnorm._BatchNorm
        return {n: (m.eps, m.momentum) for n, m in model.named_modules() if isinstance(m, norms)}

    assert constants(shared) == constants(base)


def test_smoothing_comes_last():
    model = build_model("hd2s_dsl", seed=0, **SMALL).eval()
    prediction = model(clips(), domain="DHF1K")
    assert torch.equal(prediction.saliency, model.smoothing["DHF1K"](prediction.unsmoothed))


def test_quantised_maps_teach_the_fusion_nothing():
    gradients = {}
    for quantise in (False, True):
        model = build_model("hd2s_dsl", seed=0, quantise=quantise, **SMALL)
        prediction = model(clips(), domain="DHF1K")
        prediction.saliency.square().sum().backward()
        gradients[quantise] = model.fusion["DHF1K"].weight.grad, model.smoothing["DHF1K"].sigma.grad
    levels = (prediction.unsmoothed.detach() * 255).int() / 255
    torch.testing.assert_close(prediction.saliency, model.smoothing["DHF1K"](levels))
    assert all(gradient is not None for gradient in gradients[False])
    assert gradients[True][0] is None
    assert gradients[True][1] is not None


def test_domains_that_are_missing_or_unknown():
    model = build_model("hd2s_dsl", **SMALL)
    with pytest.raises(
        ValueError, match="needs domain=…, the corpus of the clips: DHF1K, Hollywood2, UCFSports"
    ):
        model(clips())
    with pytest.raises(
        ValueError, match=r"Unknown domain Hollywood\. Did you mean Hollywood2\? Available: DHF1K"
    ):
        model(clips(), domain="Hollywood")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"domains": []}, "domains must be one name or more"),
        ({"domains": ["a", "A"]}, r"distinct whatever their case, found \('a', 'A'\)"),
        ({"domains": ["a.b"]}, "letters, digits and underscores"),
        ({"domain_bn_momentum": 2}, r"domain_bn_momentum must lie in \(0, 1\], found 2"),
        (
            {"max_sigma": 0, "height": 3},
            "height must be a positive multiple of 32.*max_sigma must be positive",
        ),
    ],
)
def test_configurations_that_are_not_allowed(config, message):
    with pytest.raises(ValueError, match=message):
        build_model("hd2s_dsl", **config)


def test_what_is_not_allowed_of_domains_is_told_together():
    assert DomainSpecificConfig().domain_problems() == []
    wrong = DomainSpecificConfig(domains=("a", "A"), domain_bn_momentum=0.0, max_sigma=-1.0)
    assert [problem.partition(" must ")[0] for problem in wrong.domain_problems()] == [
        "domains",
        "domain_bn_momentum",
        "max_sigma",
    ]


def test_a_domain_is_one_of_those_there_are():
    config = DomainSpecificConfig()
    config.check_domain("DHF1K")
    with pytest.raises(ValueError, match="needs domain=…, the corpus of the clips: DHF1K, Hollywood2"):
        config.check_domain(None)
    with pytest.raises(ValueError, match=r"Unknown domain DHF1k\. Did you mean DHF1K\?"):
        config.check_domain("DHF1k")
