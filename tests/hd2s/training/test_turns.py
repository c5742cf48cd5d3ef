from itertools import count, islice

import pytest

from hd2s.training.turns import Turns, take_turns, turns_taken, worker_share, worker_turns


def stream(name):
    return ((name, i) for i in range(1000))


def test_sources_take_turns_across_iterations():
    turns = take_turns([stream("a"), stream("b"), stream("c")], [stream("t")], count(), Turns(3))
    drawn = list(islice(turns, 5))
    assert [labelled for labelled, _ in drawn] == [[("a", 0)], [("b", 0)], [("c", 0)], [("a", 1)], [("b", 1)]]
    assert [unlabelled for _, unlabelled in drawn] == [[("t", i)] for i in range(5)]
    assert next(take_turns([stream("a")], [], count(), Turns(1)))[1] == []


@pytest.mark.parametrize("before", range(8))
def test_turns_go_on_where_they_were(before):
    drawn = list(islice(take_turns([stream(name) for name in "abc"], [], count(), Turns(3)), before + 4))
    left = [islice(stream(name), turns_taken(before, i, 3), None) for i, name in enumerate("abc")]
    assert list(islice(take_turns(left, [], count(before), Turns(3)), 4)) == drawn[before:]


def test_workers_share_out_what_one_process_takes():
    for world_size in (1, 2, 4, 8):
        shares = [list(worker_turns(25, 75, 25, rank, world_size)) for rank in range(world_size)]
        assert sorted(turn for share in shares for turn in share) == list(range(25, 75))
        sizes = [worker_share(25, rank, world_size) for rank in range(world_size)]
        assert sum(sizes) == 25 and max(sizes) - min(sizes) <= 1
        assert [len(share) for share in shares] == [2 * size for size in sizes]


def test_sources_have_their_share_of_every_epoch_in_an_order_of_its_own():
    order = Turns(3, (2, 1, 4), seed=5)
    places = [order.place(turn) for turn in range(21)]
    epochs = [places[start : start + 7] for start in (0, 7, 14)]
    assert all(sorted(epoch) == [0, 0, 1, 2, 2, 2, 2] for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1
    assert places == [Turns(3, (2, 1, 4), seed=5).place(turn) for turn in range(21)]
    assert places != [Turns(3, (2, 1, 4), seed=6).place(turn) for turn in range(21)]


@pytest.mark.parametrize("shares", [(), (2, 1, 4)])
def test_a_source_s_own_numbers_tell_the_turns_that_it_had(shares):
    order = Turns(3, shares)
    places = [order.place(turn) for turn in range(30)]
    for place in range(3):
        own = [turn for turn in range(30) if places[turn] == place]
        assert [order.turn(number, place) for number in range(len(own))] == own
        assert [order.taken(turn, place) for turn in range(30)] == [
            sum(found == place for found in places[:turn]) for turn in range(30)
        ]


def test_drawn_turns_go_on_where_they_were():
    order = Turns(3, (2, 1, 4), seed=1)
    drawn = list(islice(take_turns([stream(name) for name in "abc"], [], count(), order), 20))
    left = [islice(stream(name), order.taken(9, i), None) for i, name in enumerate("abc")]
    assert list(islice(take_turns(left, [], count(9), order), 11)) == drawn[9:]
