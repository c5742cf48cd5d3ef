"""What one row of a table says in one metric, and which rows' values can be compared."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from grid.outputs.tables.below.footnotes import share
from grid.outputs.tables.scores import Scores
from grid.outputs.tables.table import Mark
from hd2s.metrics.definitions import find_metric

Repeat = tuple[int, int]
"""Seed and fold; 0 without folds."""

Basis = frozenset[tuple[Repeat, frozenset[tuple[str, int]]]]
"""(repeat, the test clips with how many frames of each have a score) of each repeat."""


@dataclass(frozen=True)
class Value:
    """What one row says in one metric.

    Attributes:
        metric: its name.
        scored: (repeat, scores) of each seed and fold that has a value.
        n_wanted: how many the row is to have.
        printed: the paper's number.
        apart: it is a bound, and stands in no rank beside others.
        oracle: what the same row says by the oracle's selection, if that is to be told.
        again: repeats that show the result of one before, as of a model that is fitted once for all seeds.
    """

    metric: str
    scored: tuple[tuple[Repeat, Scores], ...]
    n_wanted: int
    printed: float | None
    apart: bool = False
    oracle: float | None = None
    again: frozenset[Repeat] = frozenset()

    @property
    def gap(self) -> float | None:
        """The oracle's value minus this one."""
        return None if self.mean is None or self.oracle is None else self.oracle - self.mean

    @property
    def mean(self) -> float | None:
        """The mean over the seeds that there are."""
        return statistics.fmean(self._seeds) if self.scored else None

    @property
    def std(self) -> float | None:
        """The sample standard deviation over seeds with a result of their own; None for fewer than two."""
        own = [scores.frame_means[self.metric] for repeat, scores in self.scored if repeat not in self.again]
        return statistics.stdev(own) if len(own) > 1 else None

    @property
    def clip_mean(self) -> float | None:
        """The mean over the means of clips, in place of frames."""
        means = [scores.clip_means[self.metric] for _, scores in self.scored if not scores.returned]
        return statistics.fmean(means) if means else None

    @property
    def difference(self) -> float | None:
        """Ours minus the paper's."""
        return None if self.mean is None or self.printed is None else self.mean - self.printed

    @property
    def share(self) -> str:
        """How many of the seeds it is over, where it lacks some."""
        return share(len(self.scored), self.n_wanted)

    @property
    def basis(self) -> Basis:
        """The frames of each seed that it stands on: values of one basis alone can be compared."""
        return frozenset((seed, scores.frames_of(self.metric)) for seed, scores in self.scored)

    @property
    def unread(self) -> frozenset[str]:
        """The clips that some seed could not read."""
        return frozenset().union(*(scores.unread for _, scores in self.scored))

    @property
    def whole(self) -> bool:
        """Whether no seed lacks, and no clip of the test split."""
        return len(self.scored) == self.n_wanted and not self.unread

    @property
    def counts(self) -> dict[str, int | None]:
        """Clips that every seed has read, some seed has not, and none was given; frames without contrast."""
        found = [scores for _, scores in self.scored if not scores.returned]
        return {
            "n_clips": len(self._clips) if found else None,
            "n_unread": len(self.unread) if found else None,
            "n_quarantined": max((scores.quarantined for scores in found), default=None),
            "n_shorter": max((scores.shorter for scores in found), default=None),
            "n_constant": sum(scores.constant for scores in found) if found else None,
        }

    @property
    def _clips(self) -> frozenset[str]:
        """The clips that every seed has read, of all folds."""
        by_fold: dict[int, list[frozenset[str]]] = {}
        for (_, fold), scores in self.scored:
            by_fold.setdefault(fold, []).append(scores.clips)
        return frozenset().union(*(frozenset.intersection(*clips) for clips in by_fold.values()))

    @property
    def _seeds(self) -> list[float]:
        return [scores.frame_means[self.metric] for _, scores in self.scored]


def rankable(values: Sequence[Value]) -> list[bool]:
    """Say which values may be ranked: those on one basis, that of whole values if there are several.

    Of several such it is the largest, and of equally large ones that of most values, the first of these.
    """
    found = [value for value in values if value.scored and not value.apart]
    scored = Counter(value.basis for value in found)
    whole = Counter(value.basis for value in found if value.whole)
    among = scored if len(scored) == 1 else whole
    basis = max(among, key=lambda each: (_size(each), among[each]), default=None)
    return [value in found and value.basis == basis for value in values]


def marks(values: list[float | None], metric: str, digits: int) -> list[Mark]:
    """Rank a column: values that are printed alike rank alike, and one alone has won nothing.

    There is a second only after a single best, and only among three or more.
    """
    rounded = [None if value is None else round(value, digits) for value in values]
    ranked = sorted((v for v in rounded if v is not None), reverse=find_metric(metric).larger_is_better)
    best = ranked[0] if len(ranked) > 1 else None
    second = ranked[1] if len(ranked) > 2 and ranked[1] != best else None
    found: dict[float | None, Mark] = {second: "second", best: "best", None: ""}
    return [found.get(value, "") for value in rounded]


def _size(basis: Basis) -> int:
    return sum(frames for _, clips in basis for _, frames in clips)
