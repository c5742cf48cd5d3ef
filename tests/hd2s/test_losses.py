import numpy as np
import pytest
import torch

from hd2s.losses import kld
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
