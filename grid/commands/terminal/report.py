"""What a user reads before a grid runs and after it: the plan, and the values with their sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from datasets.frame_store.bounded_folder import human
from grid.commands.cost import Estimate, Work
from grid.commands.terminal.paper import ROOM_FOR_ALL, Fitting
from grid.commands.terminal.values import costs_table, values_table
from grid.outputs.tables import Style
from grid.outputs.tables.costs import build as costs_of_models
from grid.outputs.tables.scores import Results
from grid.plan import Cell, Evaluation, Plan, Training
from grid.planning.catalogue import Offer
from grid.results.failures import failures, incomplete
from grid.results.ledger import Ledger
from grid.results.output_folder import Kind
from grid.results.redo import other_code
from grid.specs.tables.shown import Tables
from manifests.problem import agreed, counted

# Columns from which on a list of grids tells all of each, and leaves some to its title.
_ROOM_FOR_COUNTS = 75
_STATUS_COLOURS = {"done": "green", "failed": "red", "stopped": "yellow"}


def catalogue_table(offers: Iterable[Offer]) -> RenderableType:
    """Show what grids there are and how much each asks for."""
    return Fitting(partial(_catalogue, tuple(offers)))


def _catalogue(offers: Iterable[Offer], width: int) -> Table:
    shown = 3 if width >= _ROOM_FOR_COUNTS else 1
    table = _list("grids")
    _add_narrow(table, "--grid")
    _add_narrow(table, *("cells", "evaluations", "trainings")[:shown], justify="right")
    table.add_column("title, or tables")
    for offer in offers:
        counts = (offer.cells, offer.evaluations, offer.trainings)
        # Indented: a table that only the grid above it has.
        name = f"{'  ' if offer.within else ''}{offer.name}"
        table.add_row(name, *map(str, counts[:shown]), offer.title)
    return table


def plan_table(plan: Plan, ledger: Ledger, estimate: Estimate) -> RenderableType:
    """Show what a grid needs and what of it is done, trainings, evaluations, cells, and what it will cost."""
    tables = (
        Fitting(partial(_trainings, plan, ledger, estimate)),
        Fitting(partial(_evaluations, plan, ledger, estimate)),
        _cells(plan, ledger),
    )
    return Group(*(part for table in tables for part in (table, "")), _cost(estimate))


def as_json(plan: Plan, ledger: Ledger, estimate: Estimate | None = None) -> dict[str, Any]:
    """Say the same for programs: every training, evaluation and cell with its id and status.

    With an estimate, that of every training and evaluation, and of the whole that is left, is in "estimate".
    """
    trainings = _statuses(plan.trainings, ledger, "training")
    evaluations = _statuses(plan.evaluations, ledger, "evaluation")
    # An evaluation may be done, and a metric of it undefined all the same: then the cell has no value.
    empty = [cell for cell in ledger.cells_without_values(plan) if evaluations[cell.evaluation] == "done"]
    changed = other_code(plan, ledger)
    answer: dict[str, Any] = {
        "other_code": {"files": changed.files, "resting": sorted(changed.resting)},
        "trainings": [_fields(unit, trainings[unit.id], ledger) for unit in plan.trainings.values()],
        "evaluations": [_fields(unit, evaluations[unit.id], ledger) for unit in plan.evaluations.values()],
        "cells": [
            _fields(cell, "failed" if cell in empty else evaluations[cell.evaluation], ledger)
            for cell in plan.cells
        ],
    }
    if estimate:
        for key, works in (("trainings", estimate.trainings), ("evaluations", estimate.evaluations)):
            for fields in answer[key]:
                fields["estimate"] = asdict(works[fields["id"]])
        answer["estimate"] = estimate.as_json()
    return answer


def final_report(plan: Plan, ledger: Ledger, where: Mapping[str, object]) -> RenderableType:
    """Show each table's values, what failed and why, and where everything lies.

    Args:
        plan: the grid.
        ledger: its results.
        where: lines for the end, by their names, such as {"tables": "runs/tables/table5.md"}. To be printed
            without cropping.
    """
    results = Results(plan, ledger)
    parts: list[RenderableType] = []
    for table in plan.tables:
        parts += [*values_table(table, results), ""]
    for costs in plan.costs:
        parts += [*costs_table(costs_of_models(costs, ledger.out, Style(Tables(), ""))), ""]
    parts += [*_stopped(plan, ledger), *_failures(plan, ledger), *_validation(plan, ledger)]
    width = max(map(len, where), default=0)
    return Group(*parts, *(_place(f"{name:{width}}", str(place)) for name, place in where.items()))


def _place(name: str, place: str) -> RenderableType:
    """Name a place; commands and addresses are never broken into lines, since they are there to be copied."""
    return Group(*(_unbroken(Text.assemble((f"{name}  ", "bold"), line)) for line in place.splitlines()))


def _unbroken(line: Text) -> Text:
    line.no_wrap, line.overflow = True, "ignore"
    return line


def _trainings(plan: Plan, ledger: Ledger, estimate: Estimate, width: int) -> Table:
    without_ids = width < ROOM_FOR_ALL
    statuses = _statuses(plan.trainings, ledger, "training")
    table = _list(_title("trainings", statuses), "status", "training")
    _add_narrow(table, *(() if without_ids else ("starts from", "id ends in")))
    _add_narrow(table, "clips", "PFLOP", f"{estimate.device.unit}-hours", justify="right")
    for unit in plan.trainings.values():
        work = estimate.trainings[unit.id]
        ids = () if without_ids else (_tail(unit.parent or ""), _tail(unit.id))
        table.add_row(_coloured(statuses[unit.id]), unit.label, *ids, f"{work.clips:,}", *_amounts(work))
    return table


def _evaluations(plan: Plan, ledger: Ledger, estimate: Estimate, width: int) -> Table:
    without_ids = width < ROOM_FOR_ALL
    statuses = _statuses(plan.evaluations, ledger, "evaluation")
    table = _list(_title("evaluations", statuses), "status", "evaluation")
    _add_narrow(table, *(() if without_ids else ("id ends in",)))
    _add_narrow(table, "frames", "PFLOP", f"{estimate.device.unit}-hours", justify="right")
    for unit in plan.evaluations.values():
        work = estimate.evaluations[unit.id]
        ids = () if without_ids else (_tail(unit.id),)
        table.add_row(_coloured(statuses[unit.id]), unit.label, *ids, f"{work.frames:,}", *_amounts(work))
    return table


def _cost(estimate: Estimate) -> RenderableType:
    """Say what is left to process, how long that takes, and the disk it needs."""
    left, disk = estimate.left, estimate.disk
    table = Table.grid(padding=(0, 2))
    table.add_row(
        Text("left", "bold"),
        f"{counted(left.clips, 'clip')} of training, {left.validation_clips:,} of validation,"
        f" {counted(left.frames, 'frame')} of evaluation: {_figure(left.flops / 1e15)} PFLOP",
    )
    table.add_row(Text("time", "bold"), _time(estimate))
    table.add_row(Text("likely", "bold"), _likely(estimate))
    parts = {"weights": disk.weights, "states": disk.states, "frames": disk.frames, "results": disk.results}
    listed = ", ".join(f"{name} {human(size)}" for name, size in parts.items())
    table.add_row(Text("disk", "bold"), f"{human(disk.total)}: {listed}")
    if estimate.published:
        told = "not indexed: counted by what is published of their clips and lengths"
        table.add_row(Text("corpora", "bold"), f"{', '.join(estimate.published)} {told}")
    if estimate.may_stop:
        told = f"{estimate.may_stop} of these trainings may be stopped early by ASHA, counted to their end"
        table.add_row(Text("sweeps", "bold"), told)
    return table


def _time(estimate: Estimate) -> str:
    device, hours = estimate.device, estimate.left.device_hours
    if hours is None:
        return f"unknown for {device.name}: name a device like it with --on"
    if device.unit == "core":
        basis = "an estimate from HD2S's measured speed on cores of 2024"
    else:
        basis = "a calculated lower bound, by its peak arithmetic and memory traffic, which no run reaches"
    shared = f" ({_figure(hours / device.count)} h on all {device.count})" if device.count > 1 else ""
    amount = f"{_figure(hours)} {device.unit}-hours on {device.name}{shared}"
    return f"{amount}: {basis}; decoding and metrics come on top"


def _likely(estimate: Estimate) -> str:
    """Say the time that is likely, and what that is from."""
    device, hours = estimate.device, estimate.left.likely_hours
    if hours is None:
        return "unknown before something was measured here"
    known, units = estimate.left.measured
    if not units:
        return "nothing: all is done"
    assumed = f"{estimate.share:.0%} of that speed"
    source = f"the speed of finished runs in this folder for {known} of {units} trainings and evaluations"
    if not known:
        why = "as the demo on two cores" if device.unit == "core" else "by HD2S's training on an H200"
        source = f"{assumed}, {why}: nothing like it has run in this folder yet"
    elif known < units:
        source += f", {assumed} for the others"
    shared = f" ({_figure(hours / device.count)} h on all {device.count})" if device.count > 1 else ""
    return f"{_figure(hours)} {device.unit}-hours{shared}: by {source}"


def _cells(plan: Plan, ledger: Ledger) -> Table:
    table = _list(counted(len(plan.all_cells), "cell"), "with a value", "table", "title")
    results = Results(plan, ledger)
    empty = [*ledger.cells_without_values(plan), *(c for c in plan.withheld if not results.scores(c))]
    for spec in plan.tables:
        cells = plan.cells_of(spec.name)
        done = len([cell for cell in cells if cell not in empty])
        table.add_row(f"{done}/{len(cells)}", spec.name, spec.title)
    return table


def _validation(plan: Plan, ledger: Ledger) -> list[RenderableType]:
    """Say what share of the trainings' time went into selecting weights, where results know it."""
    results = filter(None, map(ledger.read_training, plan.trainings))
    timed = [found.summary for found in results if "validation_share" in found.summary]
    seconds = sum(summary["seconds"] for summary in timed)
    if not seconds:
        return []
    share = sum(summary["seconds"] * summary["validation_share"] for summary in timed) / seconds
    return [
        Text(f"validation took {share:.0%} of the time of {counted(len(timed), 'training')}, as measured"),
        "",
    ]


def _stopped(plan: Plan, ledger: Ledger) -> list[RenderableType]:
    found = {unit.label: ledger.stops.of(unit.id) for unit in plan.trainings.values()}
    return [Text(f"stopped {label}, hopeless {where.words}") for label, where in found.items() if where]


def _failures(plan: Plan, ledger: Ledger) -> list[RenderableType]:
    lines: list[RenderableType] = []
    found = failures(plan, ledger)
    for kind, unit, file in found.own:
        lines.append(_unbroken(Text(f"failed {kind} {unit.label}: see {file}", "red")))
    lines += [Text(found.rest, "red")] if found.rest else []
    for evaluation, lacking in incomplete(plan, ledger).items():
        label = plan.evaluations[evaluation].label
        told = f"{label}: {counted(lacking, 'test clip')} could not be read and {agreed(lacking)} not in its"
        told += " values; --retry-failed"
        lines.append(Text(f"{told} evaluates again", "red"))
    missing = len(ledger.cells_without_values(plan))
    if missing:
        of_all = f"{missing} of {counted(len(plan.cells), 'cell')} {agreed(missing, 'has', 'have')}"
        lines += [Text(f"{of_all} no value (--); the table says why", "red"), ""]
    return lines


def _fields(unit: Training | Evaluation | Cell, status: str, ledger: Ledger) -> dict[str, Any]:
    fields = {name: value for name, value in vars(unit).items() if name not in ("spec", "kept")}
    error = ledger.failure(getattr(unit, "evaluation", unit.id))
    return {"id": unit.id, "status": status, **fields, "error": error and str(error)}


def _statuses(units: Mapping[str, object], ledger: Ledger, kind: Kind) -> dict[str, str]:
    return {name: ledger.status(name, kind) for name in units}


def _list(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _add_narrow(table: Table, *columns: str, justify: JustifyMethod = "left") -> None:
    """Add columns that are never folded: the names beside them are."""
    for column in columns:
        table.add_column(column, justify=justify, no_wrap=True)


def _amounts(work: Work) -> tuple[str, str]:
    return _figure(work.flops / 1e15), _figure(work.device_hours)


def _figure(value: float | None) -> str:
    """Write an amount with the two digits that an estimate is worth."""
    if value is None:
        return "--"
    if 0 < value < 0.001:
        return "<0.001"
    return f"{value:.2g}" if value < 10 else f"{value:,.0f}"


def _title(what: str, statuses: Mapping[str, str]) -> str:
    counts = ", ".join(f"{n} {status}" for status, n in sorted(Counter(statuses.values()).items()))
    return f"{len(statuses)} {what}: {counts}"


def _tail(unit: str) -> str:
    """Take the hash at the end of an id; the words before it repeat the label."""
    return unit.rpartition("-")[2]


def _coloured(status: str) -> Text:
    return Text(status, _STATUS_COLOURS.get(status, ""))
