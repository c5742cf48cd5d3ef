"""One row's value in one metric over its seeds, and which rows' values can be compared."""

import math
from dataclasses import replace

import pytest

from grid.outputs.tables.scores import Scores
from grid.outputs.tables.value import Value, marks, rankable


def scores(mean, clips=("a", "b"), unread=(), quarantined=0, clip_mean=0.0):
    return Scores({"NSS": mean}, {"NSS": clip_mean}, {}, frozenset(clips), 9, frozenset(unread), quarantined)


def value(*found, wanted=None, printed=None):
    """A value over the seeds 0, 1, … as far as they have scores."""
    scored = tuple(((seed, 0), each) for seed, each in enumerate(found) if each)
    return Value("NSS", scored, wanted or len(found), printed)


def test_several_seeds_are_averaged_and_spread():
    found = value(scores(1.0, clip_mean=3.0), scores(2.0, clip_mean=5.0), printed=1.25)
    assert (found.mean, found.clip_mean, found.difference) == (1.5, 4.0, 0.25)
    assert found.std == pytest.approx(math.sqrt(0.5))
    assert (found.share, found.whole) == ("", True)


def test_one_seed_has_no_spread_and_says_how_many_it_lacks():
    found = value(None, scores(2.0), None)
    assert (found.mean, found.std, found.share, found.whole) == (2.0, None, "(1/3)", False)


def test_what_is_shown_again_is_no_sample_of_the_spread():
    once = replace(value(scores(1.0), scores(1.0)), again=frozenset({(1, 0)}))
    assert (once.mean, once.std, once.share, once.whole) == (1.0, None, "", True)
    assert value(scores(1.0), scores(1.0)).std == 0, "of two trainings that came out alike"


def test_no_seed_has_nothing():
    found = value(None, None, printed=2.0)
    assert (found.mean, found.std, found.clip_mean, found.difference, found.share) == (None,) * 4 + ("",)
    assert found.counts == dict.fromkeys(("n_clips", "n_unread", "n_quarantined", "n_shorter", "n_constant"))


def test_without_a_printed_number_there_is_no_difference():
    assert value(scores(2.0)).difference is None


def test_clips_are_counted_that_every_seed_has_read_and_that_some_seed_has_not():
    found = value(scores(1.0, ("a", "b"), ("c",)), scores(1.0, ("b", "c"), ("a",), quarantined=2))
    assert found.counts == {"n_clips": 1, "n_unread": 2, "n_quarantined": 2, "n_shorter": 0, "n_constant": 0}
    assert not found.whole


def test_values_of_one_basis_are_ranked():
    assert rankable([value(scores(1.0)), value(scores(2.0)), value(None)]) == [True, True, False]
    short = value(scores(1.0, ("a",), ("b",)))
    assert rankable([short, short]) == [True, True], "on equal terms"


def test_of_several_bases_only_whole_values_are_ranked():
    whole, short = value(scores(1.0)), value(scores(2.0, ("a",), ("b",)))
    assert rankable([whole, short]) == [True, False]
    other = value(scores(2.0, ("b",), ("a",)))
    assert rankable([short, other]) == [False, False]


def test_of_several_whole_bases_the_largest_is_ranked():
    """A clip may be quarantined for one evaluation and usable for a later one."""
    assert rankable([value(scores(1.0, ("a",))), value(scores(2.0, ("a", "b")))]) == [False, True]


def test_of_equally_large_bases_that_of_most_values_is_ranked():
    """Whatever the order of their hashes, which differs from process to process."""
    for n in range(8):
        one, other = value(scores(1.0, (f"a{n}",))), value(scores(2.0, (f"b{n}",)))
        assert rankable([one, other, other]) == [False, True, True]
        assert rankable([one, one, other]) == [True, True, False]
        assert rankable([one, other]) == [True, False]


def test_nothing_is_ranked_where_there_is_nothing():
    assert rankable([value(None), value(None)]) == [False, False]
    assert rankable([]) == []


def test_the_gap_is_what_the_oracle_is_above():
    assert replace(value(scores(1.0)), oracle=1.25).gap == 0.25
    assert value(scores(1.0)).gap is None and replace(value(None), oracle=1.0).gap is None


def test_a_bound_is_in_no_rank():
    oracle = replace(value(scores(3.0)), apart=True)
    assert rankable([value(scores(1.0)), oracle, value(scores(2.0))]) == [True, False, True]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, None], ["", ""]),
        ([1.0, 2.0], ["", "best"]),
        ([1.0, None, 2.0, 3.0], ["", "", "second", "best"]),
        ([2.0, 1.0, 1.0], ["best", "second", "second"]),
        ([2.0, 2.0004, 1.0], ["best", "best", ""]),
    ],
)
def test_one_alone_is_not_best_and_a_second_comes_after_a_single_best_of_three(values, expected):
    assert marks(values, "NSS", 3) == expected
    assert marks([value and -value for value in values], "KLD", 3) == expected
