"""p-values corrected, against numbers worked out by hand and SciPy's."""

import math

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from grid.outputs.statistics.corrections import benjamini_hochberg, holm


def test_holm_multiplies_by_how_many_are_not_smaller():
    # 4 × 0.005; 3 × 0.01; 2 × 0.03; then the last is at least the one before it.
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.8])) == pytest.approx([1, 1])


def test_benjamini_and_hochberg():
    p = np.array([0.01, 0.04, 0.03, 0.005])
    # 4/2 × 0.01, 4/4 × 0.04, 4/3 × 0.03, 4/1 × 0.005.
    assert benjamini_hochberg(p) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert benjamini_hochberg(p) == pytest.approx(false_discovery_control(p))


@pytest.mark.parametrize("correct", [holm, benjamini_hochberg])
def test_what_is_undefined_does_not_count(correct):
    found = correct(np.array([0.02, math.nan, 0.5]))
    assert found == pytest.approx([0.04, math.nan, 0.5], nan_ok=True)
    assert math.isnan(correct(np.array([math.nan]))[0])
    assert len(correct(np.array([]))) == 0
