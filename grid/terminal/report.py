"""What a user reads before a grid runs and after it: the plan, and the values with their sources."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from grid.plan import Cell, Evaluation, Plan, Training
    from grid.results import Kind, Ledger
    from grid.spec import TableSpec

_COLOURS = {"done": "green", "failed": "red"}


def plan_table(plan: Plan, ledger: Ledger) -> RenderableType:
    """Show what a grid needs and what of it is done: trainings, evaluations, cells."""
    return Group(_trainings(plan, ledger), "", _evaluations(plan, ledger), "", _cells(plan, ledger))


def as_json(plan: Plan, ledger: Ledger) -> dict[str, list[dict[str, Any]]]:
    """Say the same for programs: every training, evaluation and cell with its id and status."""
    trainings = _statuses(plan.trainings, ledger, "training")
    evaluations = _statuses(plan.evaluations, ledger, "evaluation")
    # An evaluation may be done, and a metric of it undefined all the same: then the cell has no value.
    empty = [cell for cell in ledger.cells_without_values(plan) if evaluations[cell.evaluation] == "done"]
    return {
        "trainings": [_fields(unit, trainings[unit.id], ledger) for unit in plan.trainings.values()],
        "evaluations": [_fields(unit, evaluations[unit.id], ledger) for unit in plan.evaluations.values()],
        "cells": [
            _fields(cell, "failed" if cell in empty else evaluations[cell.evaluation], ledger)
            for cell in plan.cells
        ],
    }


def final_report(plan: Plan, ledger: Ledger, where: Mapping[str, object]) -> RenderableType:
    """Show each table's values, what failed and why, and where everything lies.

    Args:
        plan: the grid.
        ledger: its results.
        where: lines for the end, by their names, such as {"tables": "runs/tables/table5.md"}.
    """
    parts: list[RenderableType] = []
    for table in plan.tables:
        parts += [_values(table, plan, ledger), ""]
    parts += _failures(plan, ledger)
    places = Table.grid(padding=(0, 2))
    for name, place in where.items():
        places.add_row(Text(name, "bold"), Text(str(place), overflow="fold"))
    return Group(*parts, places)


def _trainings(plan: Plan, ledger: Ledger) -> Table:
    statuses = _statuses(plan.trainings, ledger, "training")
    table = _list(_title("trainings", statuses), "status", "training", "starts from", "id ends in")
    for unit in plan.trainings.values():
        table.add_row(_coloured(statuses[unit.id]), unit.label, _tail(unit.parent or ""), _tail(unit.id))
    return table


def _evaluations(plan: Plan, ledger: Ledger) -> Table:
    statuses = _statuses(plan.evaluations, ledger, "evaluation")
    table = _list(_title("evaluations", statuses), "status", "evaluation", "id ends in")
    for unit in plan.evaluations.values():
        table.add_row(_coloured(statuses[unit.id]), unit.label, _tail(unit.id))
    return table


def _cells(plan: Plan, ledger: Ledger) -> Table:
    table = _list(f"{len(plan.cells)} cells", "with a value", "table", "title")
    empty = ledger.cells_without_values(plan)
    for spec in plan.tables:
        cells = [cell for cell in plan.cells if cell.table == spec.name]
        done = len([cell for cell in cells if cell not in empty])
        table.add_row(f"{done}/{len(cells)}", spec.name, spec.title)
    return table


def _values(spec: TableSpec, plan: Plan, ledger: Ledger) -> Table:
    seed = ["seed"] if len(spec.seeds) > 1 else []
    table = Table(title=f"{spec.name}: {spec.title}", title_justify="left", title_style="bold", box=None)
    for column in ("source", "target", "approach", *seed):
        table.add_column(column)
    for metric in spec.metrics:
        table.add_column(metric, justify="right")
    above: tuple[str, ...] = ()
    for cell in (cell for cell in plan.cells if cell.table == spec.name):
        result = ledger.read_evaluation(cell.evaluation)
        scores = result.scores if result else {}
        values = [_shown(scores.get(metric, math.nan)) for metric in spec.metrics]
        block = (" + ".join(cell.sources), cell.target)
        # As in the paper, a source and target are named once, above the approaches that share them.
        names = ("", "") if block == above else block
        table.add_row(*names, cell.approach, *([str(cell.seed)] if seed else []), *values)
        above = block
    return table


def _shown(score: float) -> str:
    return f"{score:.3f}" if math.isfinite(score) else "--"


def _failures(plan: Plan, ledger: Ledger) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for kind, units in (("training", plan.trainings), ("evaluation", plan.evaluations)):
        for unit in units.values():
            if ledger.status(unit.id, kind) == "failed":
                lines.append(Text(f"failed {kind} {unit.label}: see {ledger.failure(unit.id)}", "red"))
    missing = len(ledger.cells_without_values(plan))
    if missing:
        lines += [
            Text(f"{missing} of {len(plan.cells)} cells have no value (--); the table says why", "red"),
            "",
        ]
    return lines


def _fields(unit: Training | Evaluation | Cell, status: str, ledger: Ledger) -> dict[str, Any]:
    fields = {name: value for name, value in vars(unit).items() if name != "spec"}
    error = ledger.failure(getattr(unit, "evaluation", unit.id))
    return {"id": unit.id, "status": status, **fields, "error": error and str(error)}


def _statuses(units: Mapping[str, object], ledger: Ledger, kind: Kind) -> dict[str, str]:
    return {name: ledger.status(name, kind) for name in units}


def _list(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _title(what: str, statuses: Mapping[str, str]) -> str:
    counts = ", ".join(f"{n} {status}" for status, n in sorted(Counter(statuses.values()).items()))
    return f"{len(statuses)} {what}: {counts}"


def _tail(unit: str) -> str:
    """Take the hash at the end of an id; the words before it repeat the label."""
    return unit.rpartition("-")[2]


def _coloured(status: str) -> Text:
    return Text(status, _COLOURS.get(status, ""))
