"""Mean ranks and the critical difference, against numbers in Demšar's paper and worked out by hand."""

import math

import numpy as np
import pytest
from scipy.stats import friedmanchisquare

from grid.outputs.statistics.ranks import rank


def test_the_best_is_first_and_equals_share_their_ranks():
    values = np.array([[3.0, 2.0, 1.0], [3.0, 3.0, 1.0]])
    assert rank(values, larger_is_better=True).mean_ranks == pytest.approx([1.25, 1.75, 3])
    assert rank(values, larger_is_better=False).mean_ranks == pytest.approx([2.75, 2.25, 1])


def test_the_critical_difference_is_demsars():
    """q of 0.05 is 2.343, 2.569 and 2.728 for 3, 4 and 5 methods; with 14 data sets and 4 methods 1.25."""
    values = np.random.default_rng(0).normal(size=(14, 4))
    found = rank(values, larger_is_better=True)
    assert found.critical_difference == pytest.approx(2.569 * math.sqrt(4 * 5 / (6 * 14)), abs=1e-3)
    assert found.p == friedmanchisquare(*values.T).pvalue
    for methods, q in ((3, 2.343), (5, 2.728)):
        found = rank(np.random.default_rng(0).normal(size=(6, methods)), larger_is_better=True)
        assert found.critical_difference == pytest.approx(
            q * math.sqrt(methods * (methods + 1) / 36), abs=1e-3
        )


def test_few_have_ranks_alone_and_equal_ones_are_alike():
    for shape in ((1, 4), (6, 2)):
        found = rank(np.random.default_rng(0).normal(size=shape), larger_is_better=True)
        assert math.isnan(found.p) and math.isnan(found.critical_difference)
    found = rank(np.ones((3, 3)), larger_is_better=True)
    assert found.mean_ranks.tolist() == [2, 2, 2] and found.p == 1
