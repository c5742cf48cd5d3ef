"""How a sweep's hopeless points are stopped: the table's word, and the command line's before it."""

import pytest

from grid.specs.tables.early_stopping import Asha, SweepSettings, asha_of, faults


def test_nothing_is_stopped_unless_it_is_asked_for():
    assert asha_of({}, SweepSettings()) is None
    assert asha_of({"grace": 0.5}, SweepSettings(reduction=2)) is None
    assert asha_of({"stop": "none"}, SweepSettings()) is None


def test_the_command_line_goes_before_the_table():
    assert asha_of({"stop": "asha"}, SweepSettings()) == Asha(0.1, 4.0)
    assert asha_of({"stop": "asha", "grace": 0.25}, SweepSettings(reduction=3)) == Asha(0.25, 3.0)
    assert asha_of({"stop": "asha", "grace": 0.25}, SweepSettings(grace=0.5)) == Asha(0.5, 4.0)
    assert asha_of({}, SweepSettings(stop="asha")) == Asha()
    assert asha_of({"stop": "asha"}, SweepSettings(stop="none")) is None


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ({"stop": "halving"}, "stop"),
        ({"stop": True}, "stop"),
        ({"grace": 0}, "grace"),
        ({"grace": 1}, "grace"),
        ({"grace": "half"}, "grace"),
        ({"grace": float("nan")}, "grace"),
        ({"reduction": 1}, "reduction"),
        ({"reduction": float("inf")}, "reduction"),
        ({"reduction": True}, "reduction"),
    ],
)
def test_what_cannot_be_is_told(said, key):
    assert [where for where, _ in faults(said)] == [key]


def test_what_is_sound_or_not_said_is_not_told():
    assert [*faults({"stop": "asha", "grace": 0.1, "reduction": 4})] == []
    assert [*faults({"stop": None, "grace": None})] == []
