"""Sweeps: of each cell the point is shown that its validation chose; test scores have no say in it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from grid.outputs.tables.layout import gather, place, row_key
from grid.outputs.tables.scores import Results
from grid.plan import Cell
from grid.specs.table import LAST, LEAVE_ONE_OUT, SELECTIONS, SOURCE, STUDENT, TARGET, TableSpec

_CHOSEN = {
    SOURCE: "rows that say nothing of it, by the lowest validation KLD of what supervises the training",
    TARGET: "by that of the target's validation clips, with their maps: a bound that no method may use",
    LEAVE_ONE_OUT: "by the mean of those of the table's other corpora, neither source nor target",
    LAST: "those of the last iteration",
    STUDENT: "those of the model that learns, not of the teacher that follows it",
}


@dataclass(frozen=True)
class Choice:
    """The cell that is shown of those that differ in the point of the sweep alone.

    Attributes:
        cell: with the lowest validation KLD; the first one while none is trained.
        n_points: the points of the sweep; 1 without a sweep.
        n_trained: how many of them are trained.
        stopped: (point, where it was stopped early as hopeless, in words).
    """

    cell: Cell
    n_points: int
    n_trained: int
    stopped: tuple[tuple[tuple[str, ...], str], ...] = ()

    @property
    def provisional(self) -> bool:
        """Whether a point that is not trained yet may still be chosen."""
        return 0 < self.n_trained < self.n_points - len(self.stopped)


def choose(cells: list[Cell], results: Results) -> list[Choice]:
    """Choose the point of each place, approach, variant, seed and fold; the first of equally good ones."""
    return [_choice(points, results) for _, points in gather(cells, lambda c: (row_key(c), c.repeat))]


def sweep_notes(spec: TableSpec, choices: list[Choice]) -> list[str]:
    """Say which point each cell shows, and which of them are not final."""
    if not spec.sweep:
        return []
    settings = "; ".join(f"{key} = {', '.join(values)}" for key, values in spec.sweep)
    chosen = gather((c for c in choices if c.n_trained and c.cell.point), lambda choice: choice.cell.point)
    notes = [f"Sweep over {settings}: each cell shows the point with the lowest validation KLD."]
    notes += [f"{', '.join(point)}: {_places(shown, spec)}." for point, shown in chosen]
    notes += _stopped_notes(spec, choices)
    provisional = gather((c for c in choices if c.provisional), lambda c: (c.n_trained, c.n_points))
    notes += [
        f"Provisional, since only {trained} of {points} points are trained: {_places(shown, spec)}."
        for (trained, points), shown in provisional
    ]
    return notes


def oracle_row(cell: Cell, spec: TableSpec) -> tuple[Hashable, ...]:
    """Return the key of the row that shows a cell's by the oracle's selection; an empty one without."""
    variants = {variant.label: variant for variant in spec.variants}
    own = variants[cell.variant]
    for other in spec.variants:
        if (own.select, other.select, other.plain) == (SOURCE, TARGET, own.plain):
            return row_key(replace(cell, variant=other.label))
    return ()


def is_apart(cell: Cell, spec: TableSpec) -> bool:
    """Whether a cell is an oracle's among others."""
    words = {variant.label: variant.select for variant in spec.variants}
    return words.get(cell.variant) == TARGET and set(words.values()) != {TARGET}


def selection_notes(spec: TableSpec) -> list[str]:
    """Say whose validation has chosen the weights that each row shows, where it is not the training's own."""
    words = dict.fromkeys(variant.select for variant in spec.variants)
    if [*words] == [SOURCE]:
        return []
    told = (f"{SELECTIONS[word]}, {_CHOSEN[word]}" if word != SOURCE else _CHOSEN[word] for word in words)
    return [
        f"Weights of one training are chosen in {'several ways' if len(words) > 1 else 'this way'}:"
        f" {'; '.join(told)}. What keeps its last weights, or has none, has no choice."
    ]


def _choice(points: list[Cell], results: Results) -> Choice:
    if len(points) == 1:
        return Choice(points[0], 1, 1)
    klds = {cell: kld for cell in points if (kld := results.validation_kld(cell)) is not None}
    chosen = min(klds, key=klds.__getitem__, default=points[0])
    stops = {cell.point: results.ledger.stops.of(cell.training) for cell in points if cell not in klds}
    stopped = tuple((point, where.words) for point, where in stops.items() if where)
    return Choice(chosen, len(points), len(klds), stopped)


def _stopped_notes(spec: TableSpec, choices: list[Choice]) -> list[str]:
    """Say which points were not trained to their end, and where each was stopped."""
    stopped = [(choice, *each) for choice in choices for each in choice.stopped]
    if not stopped or spec.stop is None:
        return []
    told = [
        f"Stopped early as hopeless by ASHA (grace {spec.stop.grace:g}, reduction {spec.stop.reduction:g}),"
        " in the order in which validations came:"
    ]
    return told + [
        f"{', '.join(point)}, {_places([choice], spec)}: {where}." for choice, point, where in stopped
    ]


def _places(choices: list[Choice], spec: TableSpec) -> str:
    return "; ".join(place(choice.cell, spec) for choice in choices)
