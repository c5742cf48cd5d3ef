"""Two models compared clip by clip: interval and test against SciPy's, and what few clips leave open."""

import math
import time

import numpy as np
import pytest
from scipy import stats

from grid.outputs.statistics.paired import compare


def column(values):
    return np.array(values, dtype=float).reshape(-1, 1)


def test_the_interval_and_the_test_agree_with_scipys():
    differences = np.random.default_rng(3).exponential(0.5, 60) - 0.3
    found = compare(column(differences), "a name")
    reference = stats.bootstrap((differences,), np.mean, n_resamples=10_000, rng=1).confidence_interval
    assert found.n_clips == 60
    assert found.difference == pytest.approx(differences.mean())
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=0.01)
    assert found.p == stats.wilcoxon(differences).pvalue


def test_the_test_is_over_clips_each_the_mean_of_its_seeds():
    differences = np.random.default_rng(3).normal(0.1, 0.5, (20, 3))
    assert compare(differences, "a").p == stats.wilcoxon(differences.mean(axis=1)).pvalue


@pytest.mark.parametrize("n", [2, 3, 5, 8, 14])
@pytest.mark.parametrize("levels", [1, 2, None])
def test_the_test_of_few_clips_is_scipys_to_the_last_digit(n, levels):
    """Whether all differ, some are alike or some do not differ at all."""
    draws = np.random.default_rng(n).normal(0.1, 0.5, n)
    values = draws if levels is None else np.rint(draws * levels) / levels
    expected = stats.wilcoxon(values).pvalue if values.any() else 1.0
    assert compare(column(values), "a").p == expected


def test_tests_of_thirteen_clips_of_which_some_are_alike_take_no_time():
    """SciPy deals signs one way after the other: a page with some dozens of them took a minute."""
    values = [np.rint(np.random.default_rng(n).normal(0.2, 1, 13)) for n in range(8)]
    started = time.process_time()
    found = [compare(column(each), "a").p for each in values]
    between = time.process_time()
    assert found[0] == stats.wilcoxon(values[0]).pvalue
    assert between - started < 3 * (time.process_time() - between)


def test_a_name_seeds_the_bootstrap():
    differences = np.random.default_rng(3).normal(0.1, 0.5, (20, 1))
    assert compare(differences, "one") == pytest.approx(compare(differences, "one"), nan_ok=True)
    assert compare(differences, "one").low != compare(differences, "two").low


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ([], (0, math.nan, math.nan, math.nan, math.nan)),
        ([0.5], (1, 0.5, math.nan, math.nan, math.nan)),
        ([0.0, 0.0, 0.0], (3, 0.0, 0.0, 0.0, 1.0)),
        # All in favour: of the eight ways to deal signs to three clips two are as extreme.
        ([0.5, 0.5, 0.5], (3, 0.5, 0.5, 0.5, 0.25)),
    ],
)
def test_degenerate_comparisons_are_defined(differences, expected):
    found = compare(column(differences), "a name")
    assert found[:5] == pytest.approx(expected, nan_ok=True)
    assert not found.apart


def test_what_is_apart_is_so_by_interval_and_corrected_test():
    found = compare(column(np.linspace(0.1, 1, 20)), "a name")
    assert found.p < 0.001
    assert not found.apart, "nothing is corrected yet"
    assert found._replace(p_holm=0.04).apart
    assert not found._replace(p_holm=0.06).apart
