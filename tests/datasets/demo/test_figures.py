"""Figures: about a unit high, centred, and moving with their gait."""

from math import tau

import numpy as np
import pytest

from datasets.demo.figures import FIGURES


def extent(figure, swing):
    """Return the lowest and the highest x and y of a figure's limbs."""
    ends = [(np.array(end), limb.radius) for limb in FIGURES[figure](swing) for end in (limb.start, limb.end)]
    low, high = [end - radius for end, radius in ends], [end + radius for end, radius in ends]
    return np.min(low, axis=0), np.max(high, axis=0)


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("swing", np.linspace(0, tau, 7))
def test_a_figure_is_about_a_unit_high_and_around_its_centre(figure, swing):
    low, high = extent(figure, swing)
    assert 0.6 <= high[1] - low[1] <= 1.15
    assert (low < -0.1).all()
    assert (high > 0.1).all()
    assert np.abs([low, high]).max() < 1


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_moves_with_its_gait_and_comes_back(figure):
    assert FIGURES[figure](0.0) != FIGURES[figure](1.0)
    if figure != "actor":  # whose hands have a rhythm of their own
        limbs = [FIGURES[figure](swing) for swing in (0.5, 0.5 + tau)]
        first, again = ([(*limb.start, *limb.end) for limb in each] for each in limbs)
        np.testing.assert_allclose(first, again, atol=1e-9)


@pytest.mark.parametrize("figure", FIGURES)
def test_limbs_have_a_colour_that_a_figure_has(figure):
    assert {limb.colour for limb in FIGURES[figure](0.3)} <= {0, 1, 2}
    assert FIGURES[figure](0.3)[0].radius > 0
