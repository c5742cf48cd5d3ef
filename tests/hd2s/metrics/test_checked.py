"""What is wrong with a metric's declaration, and that a made-up frame is scored by a sound one."""

from dataclasses import replace

import pytest

from hd2s.metrics.checked import COLUMNS, faults, try_on_a_frame
from hd2s.metrics.definitions import METRICS, Metric, find_metric, register

SOUND = Metric("mine", 0.0, 1.0, larger_is_better=True, of_frame=lambda frame: 0.5)


def test_the_projects_own_are_declared_as_they_must_be_and_score_the_made_up_frame():
    assert [*faults(SOUND)] == []
    for name in METRICS:
        assert [*faults(find_metric(name))] == []
        try_on_a_frame(name)


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


def test_a_metric_that_fails_fails_on_the_made_up_frame():
    register(replace(SOUND, of_frame=lambda frame: frame.nothing))
    with pytest.raises(ValueError, match="metric mine"):
        try_on_a_frame("mine")
