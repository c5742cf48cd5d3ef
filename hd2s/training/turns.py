"""Whose clips come next in a training on several corpora."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import torch

from hd2s.approaches.contract import MicroBatch

Drawn = tuple[Sequence[MicroBatch], Sequence[MicroBatch]]
"""The labelled and the unlabelled clips of a micro-batch of a training."""


@dataclass(frozen=True)
class Turns:
    """Which of several corpora each micro-batch of a training is of; numbers count from 0.

    Attributes:
        of: how many corpora there are.
        shares: how many micro-batches each has in an epoch, in which they come in an order drawn for that
            epoch (UNISAL, Sect. 3.3 and its released code); empty: they alternate (HD2S, Sect. 4.2).
        seed: of those orders.
    """

    of: int
    shares: tuple[int, ...] = ()
    seed: int = 0

    def place(self, turn: int) -> int:
        """Return the number of the corpus whose turn it is."""
        if not self.shares:
            return turn % self.of
        epoch, within = divmod(turn, sum(self.shares))
        return _order(self.shares, self.seed, epoch)[within]

    def taken(self, turns: int, place: int) -> int:
        """Return how many of the first `turns` micro-batches a corpus has."""
        if not self.shares:
            return turns_taken(turns, place, self.of)
        epochs, rest = divmod(turns, sum(self.shares))
        begun = Counter(_order(self.shares, self.seed, epochs)[:rest])
        return epochs * self.shares[place] + begun[place]

    def turn(self, number: int, place: int) -> int:
        """Return which micro-batch of all is a corpus' own one of this number."""
        if not self.shares:
            return number * self.of + place
        epoch, within = divmod(number, self.shares[place])
        order = _order(self.shares, self.seed, epoch)
        return epoch * len(order) + [i for i, found in enumerate(order) if found == place][within]


@lru_cache(maxsize=8)
def _order(shares: tuple[int, ...], seed: int, epoch: int) -> tuple[int, ...]:
    corpora = [place for place, share in enumerate(shares) for _ in range(share)]
    key = int.from_bytes(blake2b(f"{seed}/turns/{epoch}".encode(), digest_size=8).digest(), "big") >> 1
    drawn = torch.randperm(len(corpora), generator=torch.Generator().manual_seed(key))
    return tuple(corpora[i] for i in drawn.tolist())


def take_turns(
    labelled: Sequence[Iterator[MicroBatch]],
    unlabelled: Sequence[Iterator[MicroBatch]],
    turns: Iterable[int],
    order: Turns,
) -> Iterator[tuple[list[MicroBatch], list[MicroBatch]]]:
    """Yield the labelled and the unlabelled clips of each micro-batch of a training.

    Both come from one corpus at a time. Sources, and targets, take turns from one micro-batch to the next, on
    across iterations (Sect. 4.2: one dataset at a time, alternating).

    Args:
        labelled: of each source; each iterator must yield what these turns are to have of it (`turns_taken`).
        unlabelled: of each target, likewise.
        turns: the numbers of the micro-batches, counted over the whole training and all its workers.
        order: whose turn it is among the sources; targets always alternate.
    """
    for turn in turns:
        source = [next(labelled[order.place(turn)])] if labelled else []
        yield source, [next(unlabelled[turn % len(unlabelled)])] if unlabelled else []


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
