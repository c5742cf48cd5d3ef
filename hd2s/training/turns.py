"""Whose clips come next in a training on several corpora."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

from hd2s.approaches.contract import MicroBatch


def take_turns(
    labelled: Sequence[Iterator[MicroBatch]],
    unlabelled: Sequence[Iterator[MicroBatch]] = (),
    first: int = 0,
) -> Iterator[tuple[list[MicroBatch], list[MicroBatch]]]:
    """Yield, without end, the labelled and the unlabelled clips of each micro-batch of a training.

    Both come from one corpus at a time. Sources, and targets, take turns from one micro-batch to the next, on
    across iterations (Sect. 4.2: one dataset at a time, alternating).

    Args:
        labelled: of each source; each iterator must stand where the micro-batches before `first` left it
            (`turns_taken`).
        unlabelled: of each target, likewise.
        first: how many micro-batches came before, the same for every worker of a training.
    """
    for turn in count(first):
        drawn = [[next(of[turn % len(of)])] if of else [] for of in (labelled, unlabelled)]
        yield drawn[0], drawn[1]


def turns_taken(micro_batches: int, place: int, of: int) -> int:
    """Return how many of the first `micro_batches` were the turn of number `place` (from 0) out of `of`."""
    return (micro_batches + of - 1 - place) // of
