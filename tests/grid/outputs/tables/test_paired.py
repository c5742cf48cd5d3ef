"""Two models compared clip by clip: interval and test against SciPy's, and what few clips leave open."""

import math

import numpy as np
import pytest
from scipy import stats

from grid.outputs.tables.paired import compare


def test_the_interval_and_the_test_agree_with_scipys():
    differences = np.random.default_rng(3).normal(0.1, 0.5, 60)
    found = compare(differences, "a name")
    reference = stats.bootstrap(
        (differences,), np.mean, n_resamples=10_000, method="percentile", random_state=1
    ).confidence_interval
    assert found.n_clips == 60
    assert found.difference == pytest.approx(differences.mean())
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=0.01)
    assert found.p == stats.wilcoxon(differences).pvalue


def test_a_name_seeds_the_bootstrap():
    differences = np.random.default_rng(3).normal(0.1, 0.5, 20)
    assert compare(differences, "one") == compare(differences, "one")
    assert compare(differences, "one").low != compare(differences, "two").low


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    intervals = [compare(random.normal(0.3, 1.0, 50), str(n)) for n in range(100)]
    assert 88 <= sum(found.low <= 0.3 <= found.high for found in intervals) <= 99


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
    found = compare(np.array(differences, dtype=float), "a name")
    assert found == pytest.approx(expected, nan_ok=True)
    assert not found.apart
