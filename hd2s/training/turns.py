"""Whose clips come next in a training on several corpora."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count

from hd2s.approaches.contract import MicroBatch


def take_turns(
    labelled: Sequence[Iterator[MicroBatch]],
    unlabelled: Sequence[Iterator[MicroBatch]] = (),
    turns: Iterable[int] | None = None,
) -> Iterator[tuple[list[MicroBatch], list[MicroBatch]]]:
    """Yield, without end, the labelled and the unlabelled clips of each micro-batch of a training.

    Both come from one corpus at a time. Sources, and targets, take turns from one micro-batch to the next, on
    across iterations (Sect. 4.2: one dataset at a time, alternating).

    Args:
        labelled: of each source; each iterator must yield what these turns are to have of it (`turns_taken`).
        unlabelled: of each target, likewise.
        turns: the numbers of the micro-batches, counted over the whole training and all its workers; None for
            all.
    """
    for turn in count() if turns is None else turns:
        drawn = [[next(of[turn % len(of)])] if of else [] for of in (labelled, unlabelled)]
        yield drawn[0], drawn[1]


def turns_taken(micro_batches: int, place: int, of: int) -> int:
    """Return how many of the first `micro_batches` were the turn of number `place` (from 0) out of `of`."""
    return (micro_batches + of - 1 - place) // of


def worker_turns(first: int, last: int, accumulate: int, rank: int, world_size: int) -> Iterator[int]:
    """Yield which of the micro-batches `first … last - 1` of one process worker `rank` takes, in order.

    The `accumulate` of an iteration are dealt out one by one; the first workers may have one more.
    """
    return (turn for turn in range(first, last) if turn % accumulate % world_size == rank)


def worker_share(accumulate: int, rank: int, world_size: int) -> int:
    """Return how many micro-batches of an iteration worker `rank` takes."""
    return len(range(rank, accumulate, world_size))
