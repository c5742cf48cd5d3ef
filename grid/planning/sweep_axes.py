"""Points of a sweep, as far as each row of a table has to do with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from grid.plan import Cell, Training
from manifests.problem import Problem


def without_idle_axes(cells: Iterable[Cell]) -> list[Cell]:
    """Leave out of each cell's point the axes that change nothing of it, and cells that are then the same.

    The learning rate of fine-tuning is nothing to the model that is fine-tuned, nor λ to one without gradient
    reversal: such a model has one cell, not one for each point.

    Args:
        cells: of all points of a table's variant.
    """
    return [cell for row in _rows(cells) for cell in _without_idle_axes(row)]


def incomparable(cells: Iterable[Cell], trainings: Mapping[str, Training]) -> Iterator[Problem]:
    """Yield the rows whose points are not validated alike: the lowest loss would choose an easier validation.

    Args:
        cells: of all points of a table's variant, without idle axes.
        trainings: by id.
    """
    for first, *others in _rows(cells):
        for cell in others:
            own, other = (trainings[each.training].spec.validated_by for each in (first, cell))
            if differing := [name for name in own if other[name] != own[name]]:
                found = f"other {', '.join(differing)} with {', '.join(cell.point)}"
                expected = "points that are validated alike, since the lowest validation loss chooses one"
                remedy = "Make variants of these settings: each has rows of its own."
                yield Problem(f"{cell.table}, sweep of {cell.model}", expected, found, remedy)


def _rows(cells: Iterable[Cell]) -> Iterable[list[Cell]]:
    """Return the points of each row together."""
    rows: dict[tuple, list[Cell]] = {}
    for cell in cells:
        row = cell.sources, cell.target, cell.test, cell.model, cell.approach, cell.seed, cell.fold
        rows.setdefault(row, []).append(cell)
    return rows.values()


def _without_idle_axes(row: list[Cell]) -> list[Cell]:
    for axis in reversed(range(len(row[0].point))):
        reduced: dict[tuple[str, ...], Cell] = {}
        for cell in row:
            point = cell.point[:axis] + cell.point[axis + 1 :]
            same = reduced.setdefault(point, replace(cell, point=point))
            if (same.training, same.evaluation) != (cell.training, cell.evaluation):
                break
        else:
            row = list(reduced.values())
    return row
