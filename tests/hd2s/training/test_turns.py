from itertools import islice

import pytest

from hd2s.training.turns import take_turns, turns_taken


def stream(name):
    return ((name, i) for i in range(1000))


def test_sources_take_turns_across_iterations():
    turns = take_turns([stream("a"), stream("b"), stream("c")], [stream("t")])
    drawn = list(islice(turns, 5))
    assert [labelled for labelled, _ in drawn] == [[("a", 0)], [("b", 0)], [("c", 0)], [("a", 1)], [("b", 1)]]
    assert [unlabelled for _, unlabelled in drawn] == [[("t", i)] for i in range(5)]
    assert next(take_turns([stream("a")]))[1] == []


@pytest.mark.parametrize("before", range(8))
def test_turns_go_on_where_they_were(before):
    drawn = list(islice(take_turns([stream(name) for name in "abc"]), before + 4))
    left = [islice(stream(name), turns_taken(before, i, 3), None) for i, name in enumerate("abc")]
    assert list(islice(take_turns(left, first=before), 4)) == drawn[before:]
