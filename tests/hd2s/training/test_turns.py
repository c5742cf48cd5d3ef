from itertools import count, islice

import pytest

from hd2s.training.turns import take_turns, turns_taken, worker_share, worker_turns


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
    assert list(islice(take_turns(left, turns=count(before)), 4)) == drawn[before:]


def test_workers_share_out_what_one_process_takes():
    for world_size in (1, 2, 4, 8):
        shares = [list(worker_turns(25, 75, 25, rank, world_size)) for rank in range(world_size)]
        assert sorted(turn for share in shares for turn in share) == list(range(25, 75))
        sizes = [worker_share(25, rank, world_size) for rank in range(world_size)]
        assert sum(sizes) == 25 and max(sizes) - min(sizes) <= 1
        assert [len(share) for share in shares] == [2 * size for size in sizes]
