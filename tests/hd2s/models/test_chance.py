import numpy as np
import pytest
import torch

from hd2s import build_model
from tests.hd2s.models.small_models import frames_of, predict_clip


def noise(seed=0, side=64):
    return build_model("chance", seed=seed, height=side, width=side).noise.numpy()


def test_its_maps_are_independent_and_uniform():
    values = noise()
    assert (values >= 0).all() and (values < 1).all()
    shares, _ = np.histogram(values, bins=10, range=(0, 1))
    assert np.abs(shares / values.size - 0.1).max() < 0.02
    for neighbours in ((values[1:], values[:-1]), (values[:, 1:], values[:, :-1])):
        assert abs(np.corrcoef(*(each.ravel() for each in neighbours))[0, 1]) < 0.05


def test_its_nss_is_near_0_wherever_people_look():
    """Fixations in the centre, where every other prediction gains; 4 of its own standard errors."""
    values, generator = noise(), np.random.default_rng(0)
    standard = (values - values.mean()) / values.std()
    rows, columns = np.clip(generator.normal(32, 10, (2, 3000)).astype(int), 0, 63)
    _, hits = np.unique(64 * rows + columns, return_counts=True)
    assert abs(standard[rows, columns].mean()) < 4 * (hits**2).sum() ** 0.5 / 3000


def test_the_seed_decides():
    np.testing.assert_array_equal(noise(seed=3), noise(seed=3))
    assert (noise(seed=3) != noise(seed=4)).mean() > 0.99


def test_every_frame_has_the_same_map_and_none_is_smoothed():
    model = build_model("chance", seed=0, height=8, width=12)
    maps = predict_clip(model, frames_of(5, (8, 12)))
    np.testing.assert_array_equal(maps, np.tile(model.noise.numpy(), (5, 1, 1)))


def test_it_has_nothing_to_train_and_fitting_leaves_it_alone():
    model = build_model("chance", seed=0, height=8, width=12)
    before = model.noise.clone()
    model.fit(iter([torch.full((2, 8, 12), 9, dtype=torch.uint8)]))
    assert torch.equal(model.noise, before)
    assert not list(model.parameters())
    assert not model.declaration.trains


def test_sides_that_are_none():
    with pytest.raises(ValueError, match="width must be 1 or more, found -1"):
        build_model("chance", width=-1)
