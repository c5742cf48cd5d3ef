"""Random search: drawn by seed, setting and number alone, so that more points change none."""

import math

import numpy as np
import pytest

from grid.specs.tables.draws import Distribution, draw, parse

AXES = (("train.lr", ("loguniform(1e-4, 1e-2)",)), ("train.momentum", ("0.5", "0.9")))


def test_draws_are_pinned():
    assert draw(AXES, 3, 0) == PINNED


PINNED = [
    ("train.lr=0.00516", "train.momentum=0.5"),
    ("train.lr=0.000156", "train.momentum=0.9"),
    ("train.lr=0.000468", "train.momentum=0.9"),
]


def test_more_points_leave_those_before_as_they_are_and_so_do_more_settings():
    few, many = draw(AXES, 5, 0), draw(AXES, 50, 0)
    assert many[:5] == few
    more = draw((*AXES, ("train.accumulate", ("randint(1, 9)",))), 5, 0)
    assert [point[:2] for point in more] == few
    assert draw(AXES, 5, 1) != few


def test_points_spread_as_their_distribution_says():
    values = [float(point[0].partition("=")[2]) for point in draw(AXES[:1], 500, 3)]
    assert min(values) >= 1e-4 and max(values) <= 1e-2
    assert np.mean(np.log10(values)) == pytest.approx(-3, abs=0.1)
    assert np.std(np.log10(values)) == pytest.approx(2 / math.sqrt(12), abs=0.1)
    whole = {point[0] for point in draw((("train.accumulate", ("randint(1, 4)",)),), 100, 0)}
    assert whole == {"train.accumulate=1", "train.accumulate=2", "train.accumulate=3"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loguniform(1e-4, 1e-2)", Distribution("loguniform", 1e-4, 1e-2)),
        ("uniform(-1,2)", Distribution("uniform", -1, 2)),
        ("randint(1, 4)", Distribution("randint", 1, 4)),
        *((text, None) for text in ("loguniform(0, 1)", "uniform(2, 1)", "randint(1, 2.5)", "normal(0, 1)")),
        *((text, None) for text in ("uniform(1)", "uniform(a, b)", "uniform(0, inf)", "paper", 3)),
    ],
)
def test_what_is_no_distribution_is_none(text, expected):
    assert parse(text) == expected


def test_whole_numbers_under_0_are_as_likely_as_those_over_it():
    drawn = [Distribution("randint", -2, 2).value(u) for u in (0.0, 0.2, 0.3, 0.6, 0.9)]
    assert drawn == [-2, -2, -1, 0, 1]
