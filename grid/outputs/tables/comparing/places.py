"""A table's cells by where they stand: what approaches have in common where they are compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from grid.outputs.tables.layout import gather, where
from grid.outputs.tables.scores import Results
from grid.outputs.tables.selection import choose, is_apart
from grid.plan import Cell
from grid.specs.table import ALL, UNTRAINED, TableSpec
from grid.specs.tables.compared import Compared, compared
from hd2s.approaches.registry import approaches
from hd2s.models.registry import models


class ByClip(NamedTuple):
    """Scores (approaches, clips, seeds), each the mean over frames, and the clips and seeds in order."""

    clips: list[str]
    seeds: list[int]
    scores: np.ndarray


@dataclass(frozen=True, eq=False)
class Standing:
    """The cells of one place, model and variant: for each approach its seeds, in one order.

    Or those of one place that differ in the model alone, or in the variant, by these.
    """

    cells: dict[str, tuple[Cell, ...]]

    @property
    def first(self) -> Cell:
        """One of them, for what all have in common."""
        return next(iter(self.cells.values()))[0]

    @property
    def name(self) -> str:
        """Where it is, with the model and the variant, as the bootstrap's draws are named."""
        first = self.first
        return "/".join(("+".join(first.sources), first.target or "", first.test, first.model, first.variant))

    def side_by_side(self, *words: str) -> tuple[tuple[Cell, ...], ...]:
        """Return the approaches' cells for each seed, in each fold, that all of them have."""
        found = [{cell.repeat: cell for cell in self.cells.get(word, ())} for word in words]
        shared = sorted(set.intersection(*map(set, found)))
        return tuple(tuple(of[repeat] for of in found) for repeat in shared)

    def title(self, *, several_models: bool, tested: bool = True) -> str:
        """Say where it is; of which model, if there are several; without its test, if trainings are meant."""
        model = models()[self.first.model].title if several_models else ""
        return ", ".join(filter(None, (where(self.first, tested=tested), model, self.first.variant)))

    def by_clip(self, words: Sequence[str], metric: str, results: Results) -> ByClip:
        """Return the scores of the seeds and clips for which each approach has one."""
        repeats = [
            (cells[0], [one.by_clip.get(metric, {}) for one in found])
            for cells in self.side_by_side(*words)
            if len(found := results.scores_of(cells)) == len(words)
        ]
        return in_common(repeats, len(words))

    def mean(self, approach: str, metric: str, results: Results) -> float | None:
        """Return the mean over seeds of what the table prints; None unless every seed has it."""
        values = [results.value(cell, metric) for cell in self.cells[approach]]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if len(known) == len(values) else None

    def lacking(self, words: Sequence[str], metrics: tuple[str, ...], results: Results) -> str:
        """Say why some value is not there, by the first that is not; empty where all are."""
        cells = (cell for word in words for cell in self.cells[word])
        return next(filter(None, (results.reason(cell, metrics) for cell in cells)), "")

    def unlike(self, words: Sequence[str], metric: str, results: Results) -> bool:
        """Whether approaches' values in a metric are over unlike clips or frames, and cannot be ranked."""
        bases = [
            [
                (cell.repeat, scores.frames_of(metric))
                for cell in self.cells[word]
                for scores in results.scores_of([cell])
            ]
            for word in words
        ]
        return any(basis != bases[0] for basis in bases)


def in_common(repeats: Iterable[tuple[Cell, list[dict[str, float]]]], quantities: int) -> ByClip:
    """Gather the clips and seeds that all have a score for, else seeds would mix with clips.

    Args:
        repeats: for each seed, in each fold, one of the cells, and clip → score of each quantity. Folds have
            clips of their own, and make the corpus up together.
        quantities: how many there are.
    """
    by_fold = [{cell.seed: scores for cell, scores in found} for _, found in gather(repeats, _fold)]
    seeds = sorted(set.intersection(*map(set, by_fold))) if by_fold else []
    clips, rows = [], []
    for fold in by_fold if seeds else ():
        shared = sorted(set.intersection(*(set(scores) for seed in seeds for scores in fold[seed])))
        clips += shared
        rows += [[[fold[seed][n][clip] for seed in seeds] for n in range(quantities)] for clip in shared]
    found = np.array(rows, dtype=float).reshape(len(clips), quantities, len(seeds))
    return ByClip(clips, seeds, found.transpose(1, 0, 2))


def in_every_fold(repeats: Iterable[tuple[Cell, ...]]) -> list[tuple[Cell, ...]]:
    """Return those of seeds that each fold has: of other ones `in_common` takes nothing."""
    by_fold = gather(repeats, lambda cells: cells[0].fold)
    seeds = [{cells[0].seed for cells in of} for _, of in by_fold]
    return [cells for _, of in by_fold for cells in of if all(cells[0].seed in each for each in seeds)]


def differences_by_clip(pairs: Iterable[tuple[Cell, ...]], metric: str, results: Results) -> np.ndarray:
    """Return (clips, seeds): how far the second of two cells lies above the first.

    Args:
        pairs: two cells for each seed and fold, both evaluated.
        metric: its name.
        results: the scores.
    """
    repeats = []
    for plain, other in pairs:
        before, after = (scores.by_clip.get(metric, {}) for scores in results.scores_of((plain, other)))
        repeats.append((plain, [{clip: after[clip] - before[clip] for clip in before if clip in after}]))
    return in_common(repeats, quantities=1).scores[0]


def _fold(repeat: tuple[Cell, list[dict[str, float]]]) -> int:
    return repeat[0].fold


def standings(spec: TableSpec, results: Results, by: Compared = "approach") -> list[Standing]:
    """Return a table's standings; of a sweep, each model has the point that its validation chose.

    Args:
        spec: the table.
        results: of its cells.
        by: what those of one standing differ in.
    """
    chosen = [c.cell for c in choose(results.plan.cells_of(spec.name), results)]
    return _standings(chosen, by)


def once_trained(places: Iterable[Standing]) -> list[Standing]:
    """Return those that have a training which none before them has: rows may differ in tests alone."""
    seen: set[str] = set()
    kept = []
    for place in places:
        found = {cell.training for cells in place.cells.values() for cell in cells}
        kept += [place] if found - seen else []
        seen |= found
    return kept


def ranked(spec: TableSpec, results: Results, by: Compared = "approach") -> list[Standing]:
    """Return the standings in which is compared: no method may choose as the oracle does."""
    chosen = [c.cell for c in choose(results.plan.cells_of(spec.name), results)]
    return _standings([cell for cell in chosen if not is_apart(cell, spec)], by)


def pairs_asked(spec: TableSpec, by: Compared = "approach") -> list[tuple[str, str]]:
    """List which approaches, models or variants are compared, each with the one that it is compared with."""
    if by != "approach" or spec.compare not in ((), ALL):
        return list(compared(spec, by))
    if spec.compare == ALL:
        return [(other, plain) for plain, other in combinations(spec.approaches, 2)]
    return [(word, of.improves_on) for word, of in approaches().items() if of.improves_on]


def title_of(by: Compared, word: str) -> str:
    """Return what tables call an approach, a model or a variant that is compared."""
    if by == "variant":
        return word
    return (approaches() if by == "approach" else models())[word].title


def _standings(cells: Sequence[Cell], by: Compared) -> list[Standing]:
    others = [axis for axis in ("model", "variant", "approach") if axis != by]
    gathered = gather(cells, attrgetter("sources", "target", "test", *others))
    if by == "model":
        # What is fitted at once, by no approach, stands beside each.
        fitted = [cell for cell in cells if cell.approach == UNTRAINED]
        for _, of in gathered:
            of += [cell for cell in fitted if cell not in of and _row(cell) == _row(of[0])]
    in_order = [
        {word: tuple(sorted(own, key=attrgetter("repeat"))) for word, own in gather(of, attrgetter(by))}
        for _, of in gathered
    ]
    return list(map(Standing, in_order))


def _row(cell: Cell) -> tuple[Any, ...]:
    return cell.sources, cell.target, cell.test, cell.variant
