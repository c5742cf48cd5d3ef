import numpy as np
import pytest
import torch

from hd2s.losses import cc, kld, kld_of_log, nss
from tests.hd2s.models.plain_losses import plain_kld


def random_maps(batch=3, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(batch, 5, 6, 5, generator=generator, dtype=dtype) * 0.9 + 0.05
    return maps.requires_grad_()


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


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_maps_without_mass_give_no_loss_and_no_gradient(dtype):
    maps = random_maps(batch=2, dtype=dtype)
    target = torch.zeros(2, 1, 6, 5, dtype=dtype)
    target[0, 0, 2, 2] = 1
    loss = kld(maps, target).mean(0).sum()
    loss.backward()
    expected = sum(plain_kld(maps[0, j].detach().numpy(), target[0, 0].numpy()) for j in range(5)) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert torch.isfinite(maps.grad).all()
    assert (maps.grad[0] != 0).any()
    assert (maps.grad[1] == 0).all()


def test_all_maps_without_mass():
    maps = random_maps()
    loss = kld(maps, torch.zeros(3, 1, 6, 5)).sum()
    loss.backward()
    assert loss.item() == 0
    assert (maps.grad == 0).all()


def test_kld_s_gradient_is_that_of_finite_differences():
    generator = torch.Generator().manual_seed(0)
    prediction = torch.rand(2, 4, 3, generator=generator, dtype=torch.float64) * 0.9 + 0.05
    target = torch.randint(0, 256, (2, 4, 3), generator=generator, dtype=torch.uint8)
    assert torch.autograd.gradcheck(lambda p: kld(p, target), prediction.requires_grad_())


def plain_cc(p, t):
    return np.corrcoef(p.ravel(), t.ravel())[0, 1]


def plain_nss(p, fixations):
    z = (p - p.mean()) / p.std(ddof=1)
    return np.repeat(z.ravel(), fixations.ravel()).mean()


def test_the_divergence_of_a_log_density_is_that_of_the_density_and_exact_where_it_vanishes():
    logits = random_maps()[0].detach() * 5
    log_density = logits - logits.logsumexp((-2, -1), keepdim=True)
    target = torch.rand(5, 6, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    target[:, 2] = 0
    torch.testing.assert_close(kld_of_log(log_density, target), kld(log_density.exp(), target))
    far = torch.tensor([[[0.0, -200.0]]])
    assert kld_of_log(far, torch.tensor([[[0.0, 1.0]]])).item() == 200
    assert kld_of_log(far, torch.zeros(1, 1, 2)).item() == 0


def test_cc_and_nss_equal_the_plain_sums():
    rng = np.random.default_rng(0)
    p, t, f = rng.random((4, 6, 5)), rng.random((4, 6, 5)), rng.integers(0, 3, (4, 6, 5))
    found = [cc(*map(torch.from_numpy, (p, t))), nss(*map(torch.from_numpy, (p, f)))]
    for values, plain, other in zip(found, (plain_cc, plain_nss), (t, f), strict=True):
        np.testing.assert_allclose(values, [plain(a, b) for a, b in zip(p, other, strict=True)], rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_maps_that_are_the_same_everywhere_are_no_error_and_give_no_gradient(dtype):
    """A uniform target divided by its sum differs from its mean by rounding; the released CC is NaN there."""
    maps = random_maps(batch=1, dtype=dtype)[0]
    flat = torch.full((1, 224, 416), 1 / (224 * 416), dtype=dtype)
    assert cc(torch.rand(1, 224, 416, dtype=dtype), flat / flat.sum()).item() == 0
    loss = cc(maps, torch.ones(1, 6, 5)).sum() + nss(maps, torch.zeros(5, 6, 5), empty=1.0).sum()
    loss.backward()
    assert loss.item() == 5
    uniform = torch.full((1, 6, 5), 1 / 30, dtype=dtype, requires_grad=True)
    found = cc(uniform, maps.detach()[:1]) + nss(uniform, torch.ones(1, 6, 5))
    found.sum().backward()
    assert found.item() == 0
    assert uniform.grad.isfinite().all()


def test_gradients_of_cc_and_nss_are_those_of_finite_differences():
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(2, 4, 3, generator=generator, dtype=torch.float64).requires_grad_()
    other = torch.randint(0, 3, (2, 4, 3), generator=generator)
    assert torch.autograd.gradcheck(lambda p: cc(p, other), maps)
    assert torch.autograd.gradcheck(lambda p: nss(p, other), maps)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_maps_of_half_precision_have_the_losses_of_the_same_values(dtype):
    """A KLD of float16 was NaN, as its guards are 0 there; of maps that are nearly flat CC and NSS were 0."""
    generator = torch.Generator().manual_seed(0)
    maps = (0.5 + 0.02 * torch.rand(2, 6, 5, generator=generator)).to(dtype)
    other = torch.randint(1, 9, (2, 6, 5), generator=generator)
    for loss in (kld, cc, nss):
        assert torch.equal(loss(maps, other), loss(maps.float(), other)), loss
        assert loss(maps, other).all()
    assert torch.equal(kld_of_log(maps, other), kld_of_log(maps.float(), other))
