"""Points of a sweep, as far as each row of a table has to do with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from grid.plan import Cell


def without_idle_axes(cells: Iterable[Cell]) -> list[Cell]:
    """Leave out of each cell's point the axes that change nothing of it, and cells that are then the same.

    The learning rate of fine-tuning is nothing to the model that is fine-tuned, nor λ to one without gradient
    reversal: such a model has one cell, not one for each point.

    Args:
        cells: of all points of a table's variant.
    """
    rows: dict[tuple, list[Cell]] = {}
    for cell in cells:
        row = cell.sources, cell.target, cell.test, cell.model, cell.approach, cell.seed, cell.fold
        rows.setdefault(row, []).append(cell)
    return [cell for row in rows.values() for cell in _without_idle_axes(row)]


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
