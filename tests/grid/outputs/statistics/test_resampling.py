"""Intervals: how often they cover the truth, of clips and of seeds, and what has none."""

import math

import numpy as np
import pytest

from grid.outputs.statistics.resampling import interval


def first(means):
    return means[..., 0]


def test_an_interval_covers_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    ends = [interval(random.normal(0.3, 1.0, (1, 50, 1)), first, str(n)) for n in range(100)]
    assert 88 <= sum(low <= 0.3 <= high for low, high in ends) <= 99


def test_seeds_that_differ_widen_the_interval_by_as_much():
    random = np.random.default_rng(0)
    clips = random.normal(0, 0.1, (1, 200, 1))
    alike, apart = clips + np.zeros(8), clips + random.normal(0, 1.0, 8)
    low, high = interval(alike, first, "a")
    assert high - low == pytest.approx(2 * 1.96 * 0.1 / math.sqrt(200), rel=0.15)
    low, high = interval(apart, first, "a")
    assert high - low == pytest.approx(2 * 1.96 * apart.mean(1).std() / math.sqrt(8), rel=0.3)


def test_clips_are_drawn_alike_for_all_quantities():
    one = np.random.default_rng(0).normal(1, 0.5, (1, 30, 2))
    found = interval(np.concatenate([one, one]), lambda means: means[..., 0] - means[..., 1], "a")
    assert found == (0.0, 0.0)
    low, high = interval(np.concatenate([one, 2 * one]), lambda means: means[..., 1] / means[..., 0], "a")
    assert (low, high) == pytest.approx((2, 2))


@pytest.mark.parametrize("n", [0, 1])
def test_below_two_clips_there_is_none(n):
    assert all(map(math.isnan, interval(np.ones((1, n, 3)), first, "a")))


def test_two_clips_have_the_two_ends_that_they_can_have():
    assert interval(np.array([[[0.0], [1.0]]]), first, "a") == (0.0, 1.0)
