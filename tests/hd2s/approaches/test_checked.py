"""What is wrong with an approach's declaration, by itself and among all others."""

from dataclasses import dataclass, replace

import pytest

from hd2s.approaches.checked import dangling, faults
from hd2s.approaches.declaration import Approach
from hd2s.approaches.registry import approaches

SOUND = Approach("mine", "Mine")


@dataclass(frozen=True)
class Undecided:
    weight: float


def test_the_projects_own_are_declared_as_they_must_be():
    known = approaches()
    assert {word: [*faults(one), *dangling(one, known)] for word, one in known.items()} == {
        word: [] for word in known
    }


@pytest.mark.parametrize(
    "changed",
    [
        {"word": "a/b"},
        {"word": "a.b"},
        {"title": ""},
        {"labelled": ("A",)},
        {"labelled": lambda sources, target: [*sources]},
        {"unlabelled": lambda sources, target: target},
        {"unlabelled": lambda sources, target: ("Another",)},
        {"learner": None},
        {"around": 3},
        {"parent": ""},
        {"trained_as": None},
        {"improves_on": None},
        {"pools": "yes"},
        {"needs": {"feature"}},
        {"needs": "features"},
        {"options": lambda sources: sources},
        {"settings": Undecided},
        {"settings": {"weight": 1.0}},
        {"keeps": "worst"},
        {"further": "student"},
        {"colour": "violett"},
        {"smallest_batch": 0},
        {"smallest_batch": True},
        {"training": None},
        {"training": {"model.height": 64}},
        {"of_protocol": None},
    ],
)
def test_what_a_field_must_not_be_is_told(changed):
    (wrong,) = faults(replace(SOUND, **changed))
    assert wrong.field in changed


def test_all_is_told_at_once_and_what_raises_is_left_to_planning():
    wrong = [*faults(replace(SOUND, keeps="worst", colour="red", needs=None))]
    assert {one.field for one in wrong} == {"keeps", "colour", "needs"}
    assert [*faults(replace(SOUND, labelled=lambda sources, target: {}[target]))] == []


def test_what_is_no_approach_is_told():
    (wrong,) = faults(SOUND.word)
    assert wrong.found == "'mine'"


def test_an_approach_rests_on_those_that_there_are_and_not_on_itself():
    assert [*dangling(replace(SOUND, parent="generalization"), approaches())] == []
    (around,) = dangling(replace(SOUND, parent="calibration"), approaches())
    assert around == ("parent", "an approach that puts nothing around its model", "'calibration'")
    lost = [*dangling(replace(SOUND, parent="nothing", improves_on="generalisation"), approaches())]
    assert [(one.field, one.found) for one in lost] == [
        ("parent", "'nothing'"),
        ("improves_on", "'generalisation'"),
    ]
    one, other = replace(SOUND, parent="other"), Approach("other", "Other", trained_as="mine")
    known = {"mine": one, "other": other}
    assert [each.field for each in dangling(one, known)] == ["parent"]
    assert [each.field for each in dangling(other, known)] == ["trained_as"]
    third = Approach("third", "Third", parent="mine")
    assert [*dangling(third, known | {"third": third})] == [], "the others are told"
