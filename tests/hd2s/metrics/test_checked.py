"""What is wrong with a metric's declaration, and that a made-up frame is scored by a sound one."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from hd2s.metrics.checked import COLUMNS, faults, try_on_frames
from hd2s.metrics.definitions import METRICS, Metric, find_metric, register

TIMES = itertools.count()
SOUND = Metric("mine", 0.0, 1.0, larger_is_better=True, of_frame=lambda frame: 0.5)


def test_the_projects_own_are_declared_as_they_must_be_and_score_the_made_up_frames():
    assert [*faults(SOUND)] == []
    for name in METRICS:
        assert [*faults(find_metric(name))] == []
        try_on_frames(name)


@pytest.mark.parametrize(
    "name", ["a/b c%", "", "-x", "x.y", 3, "frame", "Clip", "n_fixations", "note", "seed"]
)
def test_a_name_is_plain_and_no_other_columns(name):
    (wrong,) = faults(replace(SOUND, name=name))
    assert wrong.field == "name"
    assert str(name).lower() in COLUMNS or "letters, digits, _ and -" in wrong.expected


@pytest.mark.parametrize(
    "changed",
    [
        {"low": "0"},
        {"high": None},
        {"high": 0.0},
        {"larger_is_better": 1},
        {"of_frame": None},
        {"of_batch": 3},
    ],
)
def test_what_a_field_must_not_be_is_told(changed):
    (wrong,) = faults(replace(SOUND, **changed))
    assert wrong.field == "low" if changed == {"high": 0.0} else wrong.field in changed


def test_what_is_no_metric_is_told():
    (wrong,) = faults("NSS")
    assert str(wrong) == "itself: expected a hd2s.metrics.definitions.Metric, found 'NSS'"


def test_a_metric_that_fails_fails_on_the_made_up_frames():
    register(replace(SOUND, of_frame=lambda frame: frame.nothing))
    with pytest.raises(ValueError, match="metric mine"):
        try_on_frames("mine")


def in_place(name):
    def score(frame):
        getattr(frame.saliency, name)[:] = 0
        return 0.5

    return score


@pytest.mark.parametrize(
    ("of_frame", "told"),
    [
        (lambda frame: 1 / len(frame.fixated), "metric mine: expected a number, found ZeroDivisionError"),
        (lambda frame: 1.5, "metric mine: expected numbers from 0 to 1, or NaN, found 1.5"),
        (lambda frame: math.inf, "metric mine: expected numbers from 0 to 1, or NaN, found inf"),
        (lambda frame: 1 / (2 + next(TIMES)), "the same score of a frame each time"),
        (in_place("values"), "ValueError: assignment destination is read-only"),
        (in_place("shifted"), "ValueError: assignment destination is read-only"),
    ],
)
def test_what_some_frame_would_end_a_test_with_is_told(of_frame, told):
    register(replace(SOUND, of_frame=of_frame))
    with pytest.raises(ValueError, match=told):
        try_on_frames("mine")


def test_a_metric_that_is_undefined_on_some_frames_is_taken():
    register(replace(SOUND, of_frame=lambda frame: 0.5 if len(frame.fixated) else math.nan))
    try_on_frames("mine")


def test_a_last_place_of_single_precision_beyond_the_range_is_rounding():
    percent = float(np.nextafter(np.float32(100), np.float32(200)))
    register(replace(SOUND, high=100.0, of_frame=lambda frame: percent))
    try_on_frames("mine")
