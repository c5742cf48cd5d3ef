"""What a training and a cell are called in MLflow, and the tags and parameters that they are found by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from grid.plan import Cell, Plan, Training
from grid.specs.dotted_keys import flatten
from grid.tracking.runs import text
from grid.tracking.views import AXES
from hd2s.approaches.registry import approaches


class Description(NamedTuple):
    """A run's name, its tags (filters) and its parameters (columns and axes of charts)."""

    label: str
    tags: dict[str, str]
    params: dict[str, Any]


def describe_training(plan: Plan, training: Training, digests: Mapping[str, str]) -> Description:
    """Describe a training by its settings, and by the cells that show it."""
    cells = [cell for cell in plan.all_cells if cell.training == training.id]
    settings = flatten(training.spec.as_settings())
    # Cells of several tables and rows may share it.
    place = _axes(training) | {"variant": _joined(cell.variant for cell in cells) or "none"}
    swept = {key: text(settings[key]) for cell in cells for key in _keys(cell) if key in settings}
    tags = {"table": _joined(cell.table for cell in cells), **_look(training.approach), **place, **swept}
    params = settings | place | {"parent": training.parent}
    corpora = (*training.sources, training.target) if training.target else training.sources
    params |= {f"digest.{corpus}": digests.get(corpus) for corpus in corpora}
    return Description(training.label, tags, params)


def describe_cell(plan: Plan, cell: Cell, place_in_tables: str) -> Description:
    """Describe a cell by its place in its table, its point of the sweep, and how it is tested."""
    place = _axes(cell) | {"test": cell.test, "variant": cell.variant or "none"}
    swept = _point(plan, cell)
    tags = {"table": cell.table, **_look(cell.approach), **place, **swept, "cell": place_in_tables}
    tags |= {"training": cell.training, "evaluation": cell.evaluation}
    details = [cell.variant, *cell.point, f"seed {cell.seed}"]
    details += [f"fold {cell.fold}"] if cell.fold else []
    label = _label(plan, cell, details)
    params = flatten(plan.evaluations[cell.evaluation].spec.as_settings()) | place | swept
    return Description(label, tags, params)


def row_name(grid: str, cell: Cell) -> str:
    """Name the run over the seeds, folds and points of the sweep of a cell's row."""
    row = (cell.table, "+".join(cell.sources), cell.target or "", cell.test, cell.model, cell.approach)
    return "/".join((grid, "summary", *row, cell.variant))


def describe_row(plan: Plan, cell: Cell) -> Description:
    """Describe the row of a cell: by its place in its table, without seed, fold and point."""
    place = _axes(cell) | {"test": cell.test, "variant": cell.variant or "none"}
    del place["seed"]
    tags = {"table": cell.table, **_look(cell.approach), **place}
    return Description(_label(plan, cell, [cell.variant]), tags, dict(place))


def _label(plan: Plan, cell: Cell, details: list[str]) -> str:
    model = cell.model if len({other.model for other in plan.cells}) > 1 else ""
    # Cells towards several targets may be tested on one corpus.
    target = f"{cell.target} on " if cell.target and cell.target != cell.test else ""
    where = f"{'+'.join(cell.sources)} → {target}{cell.test}"
    return ", ".join(filter(None, [where, model, cell.approach, *details]))


def _axes(work: Training | Cell) -> dict[str, str]:
    """Give what a table's reader filters and groups by; "none" where there is no target."""
    values = ("+".join(work.sources), work.target or "none", work.approach, str(work.seed))
    axes = dict(zip([axis for axis in AXES if axis != "test"], values, strict=True))
    return axes | {"model": work.model}


def _look(approach: str) -> dict[str, str]:
    return {"mlflow.runColor": approaches()[approach].colour}


def _keys(cell: Cell) -> list[str]:
    return [entry.partition("=")[0] for entry in cell.point]


def _point(plan: Plan, cell: Cell) -> dict[str, str]:
    """Give the settings of a cell's point, spelled as in its training's parameters where they are there."""
    settings = flatten(plan.trainings[cell.training].spec.as_settings())
    return {
        key: text(settings[key]) if key in settings else value
        for key, _, value in (entry.partition("=") for entry in cell.point)
    }


def _joined(words: Any) -> str:
    return ", ".join(dict.fromkeys(filter(None, words)))
