"""Means of scores: the same in any order, and of what is defined alone."""

import math
from fractions import Fraction

import numpy as np

from hd2s.metrics.averages import mean_of_defined


def test_undefined_scores_are_left_out():
    assert mean_of_defined(np.array([1.0, np.nan, 4.0])) == 2.5
    assert math.isnan(mean_of_defined(np.array([np.nan, np.nan])))
    assert math.isnan(mean_of_defined(np.empty(0)))


def test_no_order_of_the_scores_changes_a_bit():
    generator = np.random.default_rng(0)
    scores = generator.normal(size=999) * 10.0 ** generator.integers(-8, 8, 999)
    exact = Fraction(sum(map(Fraction, scores.tolist())))
    expected = float(exact) / len(scores)
    assert {mean_of_defined(generator.permutation(scores)) for _ in range(20)} == {expected}
    assert len({float(generator.permutation(scores).cumsum()[-1]) for _ in range(20)}) > 1, (
        "plain sums differ"
    )
