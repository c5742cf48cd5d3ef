import numpy as np
import pytest
import torch

from hd2s import build_model
from hd2s.losses import kld
from tests.hd2s.models.small_models import frames_of, predict_clip


def prior_of(height, width):
    return build_model("centre_prior", height=height, width=width).prior.numpy()


@pytest.mark.parametrize("size", [(36, 64), (37, 51)])
def test_the_prior_is_centred_and_stretched_like_the_frame(size):
    prior = prior_of(*size)
    assert prior.shape == size
    assert prior.dtype == np.float32
    np.testing.assert_allclose(prior, prior[::-1, ::-1])
    rows, columns = np.mgrid[: size[0], : size[1]]
    mass = prior / prior.sum()
    spread_y = np.sqrt((mass * (rows - (size[0] - 1) / 2) ** 2).sum()) / size[0]
    spread_x = np.sqrt((mass * (columns - (size[1] - 1) / 2) ** 2).sum()) / size[1]
    assert spread_y == pytest.approx(spread_x, rel=0.01)
    assert 0.17 < spread_y < 0.2, "σ is a fifth of the side, less what the border cuts off"
    assert prior.max() == prior[size[0] // 2, size[1] // 2]
    assert prior.max() <= 1


def skewed_maps(n=6, size=(8, 12)):
    """Maps of different mass with most of it at the left, and one without any."""
    generator = np.random.default_rng(0)
    maps = generator.integers(1, 256, (n, *size)) * np.linspace(1, 0.1, size[1])
    maps[2] = 0
    return (maps * np.linspace(0.2, 1, n)[:, None, None]).astype(np.uint8)


@pytest.fixture
def fitted():
    model = build_model("centre_prior", height=8, width=12)
    model.fit(torch.from_numpy(skewed_maps()).split(4))
    return model


def test_fitting_makes_it_the_mean_of_the_maps_densities(fitted):
    densities = [one.astype(float) / one.sum() for one in skewed_maps() if one.any()]
    assert len(densities) == 5
    np.testing.assert_allclose(fitted.prior.numpy(), np.mean(densities, axis=0), rtol=1e-6)


def test_of_all_constant_maps_it_has_the_lowest_mean_kld(fitted):
    truth = torch.from_numpy(skewed_maps()[[0, 1, 3, 4, 5]])

    def mean_kld(prediction):
        return kld(prediction.double(), truth).mean().item()

    best, generator = mean_kld(fitted.prior), torch.Generator().manual_seed(0)
    untouched = build_model("centre_prior", height=8, width=12).prior
    pooled = truth.double().sum(0)  # the mean of the maps themselves, in which large ones weigh more
    others = [untouched, torch.ones(8, 12), pooled, *truth.double()]
    others += [fitted.prior * (1 + 0.05 * (torch.rand(8, 12, generator=generator) - 0.5)) for _ in range(20)]
    assert all(mean_kld(other) > best for other in others)


def test_maps_without_mass_leave_it_as_it_is():
    model = build_model("centre_prior", height=8, width=12)
    before = model.prior.clone()
    model.fit(iter([torch.zeros(3, 8, 12, dtype=torch.uint8)]))
    assert torch.equal(model.prior, before)


def test_it_answers_every_frame_with_the_same_map_and_smooths_none(fitted):
    for method in ("fast", "plain"):
        for protocol in ("paper", "released"):
            maps = predict_clip(fitted, frames_of(5, (8, 12)), method=method, protocol=protocol)
            np.testing.assert_array_equal(maps, np.tile(fitted.prior.numpy(), (5, 1, 1)))


def test_it_has_nothing_to_train():
    model = build_model("centre_prior")
    assert not list(model.parameters())
    assert not model.declaration.trains


def test_sides_that_are_none():
    with pytest.raises(ValueError, match="height must be 1 or more, found 0"):
        build_model("centre_prior", height=0)
