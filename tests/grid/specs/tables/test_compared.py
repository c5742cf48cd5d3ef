"""What a table's file may compare, and what is told of all else."""

import pytest

from grid.specs.tables.compared import Row, read_compared

ROWS = {
    "full": Row(("adaptation", "transfer"), ("hd2s", "tased")),
    "fast": Row(("adaptation",), ("hd2s",)),
    "other": Row(("mmd",), ("unisal",)),
}


@pytest.mark.parametrize("pairs", [[["transfer", "adaptation"]], [["tased", "hd2s"], ["full", "fast"]], []])
def test_two_of_one_kind_are_a_pair(pairs):
    assert read_compared(pairs, ROWS) == (tuple(map(tuple, pairs)), [])


def test_all_is_a_word():
    assert read_compared("all", ROWS) == ("all", [])


@pytest.mark.parametrize("value", ["some", [["transfer"]], [["transfer", "transfer"]], [["transfer", 1]], {}])
def test_what_is_no_list_of_pairs_is_told(value):
    found, (mistake,) = read_compared(value, ROWS)
    assert (found, mistake.expected.partition(",")[0]) == ((), "compare: all")


def test_words_that_the_table_lacks_are_told():
    _, (mistake,) = read_compared([["tasd", "hd2s"]], ROWS)
    assert (mistake.expected, mistake.found) == ("a known approach, model or row of this table", "'tasd'")
    assert mistake.remedy.startswith("Did you mean tased?")
    assert read_compared([["tasd", "hd2s"]], {})[1] == [], "of rows that cannot be read nothing is known"


@pytest.mark.parametrize(
    "pair", [["tased", "fast"], ["mmd", "adaptation"], ["unisal", "hd2s"], ["other", "full"]]
)
def test_two_that_never_stand_side_by_side_are_told(pair):
    _, (mistake,) = read_compared([pair], ROWS)
    assert mistake.expected.startswith("compare: two approaches or two models of one row, or two rows")
    assert mistake.found == " and ".join(pair)
