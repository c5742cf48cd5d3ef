import math

import numpy as np
import pytest
import torch

from hd2s import Prediction
from hd2s.losses import domain_loss, grl_lambda, kld, saliency_loss, saliency_terms


def plain_kld(prediction, target):
    """Eq. 1's inner sum, pixel by pixel; G log G tends to 0 with G."""
    prediction, target = prediction / prediction.sum(), target / target.sum()
    pairs = zip(prediction.ravel().tolist(), target.ravel().tolist(), strict=True)
    return sum(g * math.log(g / p) for p, g in pairs if g > 0)


def random_prediction(batch=3, levels=4, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(batch, levels + 1, 6, 5, generator=generator, dtype=dtype) * 0.9 + 0.05
    maps.requires_grad_()
    return maps, Prediction(maps[:, 0], maps[:, 0], maps[:, 1:])


def test_kld_equals_the_plain_sum():
    rng = np.random.default_rng(0)
    prediction, target = rng.random((4, 6, 5)), rng.random((4, 6, 5))
    target[target < 0.5] = 0
    expected = [plain_kld(p, g) for p, g in zip(prediction, target, strict=True)]
    found = kld(torch.from_numpy(prediction), torch.from_numpy(target))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_kld_ignores_scale_and_is_zero_for_equal_maps():
    maps = torch.rand(2, 6, 5, dtype=torch.float64) + 0.1
    torch.testing.assert_close(kld(maps, 255 * maps), torch.zeros(2, dtype=torch.float64), atol=1e-14, rtol=0)


def test_kld_s_gradient_is_that_of_finite_differences():
    generator = torch.Generator().manual_seed(0)
    prediction = torch.rand(2, 4, 3, generator=generator, dtype=torch.float64) * 0.9 + 0.05
    target = torch.randint(0, 256, (2, 4, 3), generator=generator, dtype=torch.uint8)
    assert torch.autograd.gradcheck(lambda p: kld(p, target), prediction.requires_grad_())


def test_saliency_loss_sums_five_equal_terms_and_averages_the_batch():
    maps, prediction = random_prediction()
    target = torch.randint(0, 256, (3, 6, 5), dtype=torch.uint8)
    clips = [
        sum(plain_kld(maps[b, j].detach().numpy(), target[b].numpy().astype(float)) for j in range(5))
        for b in range(3)
    ]
    assert saliency_loss(prediction, target).item() == pytest.approx(np.mean(clips), rel=1e-12)
    terms = saliency_terms(prediction, target)
    assert list(terms) == ["saliency", *(f"conspicuity/{i}" for i in (1, 2, 3, 4))]
    assert terms["conspicuity/2"].item() == pytest.approx(kld(maps[:, 2], target).mean().item())


def test_the_one_map_of_a_single_level_counts_once():
    maps, _ = random_prediction(levels=1)
    prediction = Prediction(maps[:, 0], maps[:, 0], maps[:, :1], levels=(3,))
    target = torch.randint(0, 256, (3, 6, 5), dtype=torch.uint8)
    assert list(saliency_terms(prediction, target, multi_level=True)) == ["saliency"]
    assert saliency_loss(prediction, target) == saliency_loss(prediction, target, multi_level=False)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_maps_without_mass_give_no_loss_and_no_gradient(dtype):
    maps, prediction = random_prediction(batch=2, dtype=dtype)
    target = torch.zeros(2, 6, 5, dtype=dtype)
    target[0, 2, 2] = 1
    loss = saliency_loss(prediction, target)
    loss.backward()
    expected = sum(plain_kld(maps[0, j].detach().numpy(), target[0].numpy()) for j in range(5)) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert torch.isfinite(maps.grad).all()
    assert (maps.grad[0] != 0).any()
    assert (maps.grad[1] == 0).all()


def test_all_maps_without_mass():
    maps, prediction = random_prediction()
    loss = saliency_loss(prediction, torch.zeros(3, 6, 5))
    loss.backward()
    assert loss.item() == 0
    assert (maps.grad == 0).all()


@pytest.mark.parametrize("domain", [0, 1])
def test_domain_loss_is_the_sum_of_binary_cross_entropies(domain):
    target_probability = torch.rand(4, 3, dtype=torch.float64) * 0.8 + 0.1
    logits = [torch.stack([1 - p, p], 1).log() for p in target_probability]
    expected = 0.0
    for level in target_probability.tolist():
        expected += sum(-domain * math.log(p) - (1 - domain) * math.log(1 - p) for p in level) / 3
    assert domain_loss(logits, domain).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("iteration", "expected"),
    [(0, 0.0), (250, 0.46211715726), (1250, 0.98661429815), (2500, 0.99990920426)],
)
def test_lambda_schedule(iteration, expected):
    """Eq. 4 is tanh(5 p)."""
    assert grl_lambda(iteration / 2500) == pytest.approx(expected, abs=1e-10)
    assert grl_lambda(iteration / 2500) == pytest.approx(math.tanh(5 * iteration / 2500), abs=1e-12)


@pytest.mark.parametrize("progress", [-0.01, 1.01, math.nan])
def test_lambda_outside_of_training(progress):
    with pytest.raises(ValueError, match="current iteration / total iterations"):
        grl_lambda(progress)
