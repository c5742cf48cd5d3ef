"""Backdrops: any size, the colours of their domain, and the same again from the same draw."""

import numpy as np
import pytest

from datasets.demo.backdrops import BACKDROPS


def draw(name, seed=0, height=48, width=96):
    return BACKDROPS[name](np.random.default_rng(seed), height, width)


@pytest.mark.parametrize("name", BACKDROPS)
@pytest.mark.parametrize("size", [(48, 96), (90, 161)])
def test_a_backdrop_fills_its_frame_with_colours(name, size):
    canvas = draw(name, 1, *size)
    assert (canvas.shape, canvas.dtype) == ((*size, 3), np.float32)
    assert canvas.min() > -0.05
    assert canvas.max() < 1.3
    assert canvas.std(axis=(0, 1)).min() > 0.01


@pytest.mark.parametrize("name", BACKDROPS)
def test_the_same_draw_gives_the_same_and_another_another(name):
    assert np.array_equal(draw(name, 3), draw(name, 3))
    assert not np.array_equal(draw(name, 3), draw(name, 4))


def test_films_are_dark_and_fields_bright():
    light = {name: np.mean([draw(name, seed).mean() for seed in range(5)]) for name in BACKDROPS}
    assert light["film_set"] == min(light.values())
    assert light["sports_field"] > light["film_set"] + 0.2


def test_grass_is_green_and_water_blue_green():
    grass = np.mean([draw("sports_field", seed)[30:].mean(axis=(0, 1)) for seed in range(5)], axis=0)
    assert grass[1] == grass.max()
    water = np.mean([draw("water", seed)[:24].mean(axis=(0, 1)) for seed in range(5)], axis=0)
    assert water[0] == water.min()
