"""The table of what models cost, as `python -m hd2s cost` has measured it, beside what is printed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from grid.outputs.tables.layout import gather
from grid.outputs.tables.others import MARK, NOTE
from grid.outputs.tables.table import DIGITS, Block, Column, Entry, Group, Missing, Row, Style, Table, number
from grid.results import output_folder
from grid.specs.printed import Costs, citation, costs, remarks
from grid.specs.table import CostSpec
from hd2s.models.registry import models
from hd2s.prediction.cost import Cost, from_json

_MIB = 2**20
_PRINTED, _UNMEASURED = "as printed", "not measured yet"


class Measured(NamedTuple):
    """What was measured, and files that hold no measurement."""

    costs: list[Cost]
    problems: list[str]


def read(out: Path) -> Measured:
    """Read the measurements in an output folder, in the order of devices and models."""
    found: list[Cost] = []
    problems = []
    for path in sorted((out / output_folder.COSTS).glob("*.json")):
        try:
            found.append(from_json(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            name = path.relative_to(out).as_posix()
            problems.append(f"{name} is no measurement: {' '.join(str(error).split())}")
    return Measured(sorted(found, key=lambda cost: (cost.device, cost.precision)), problems)


def build(spec: CostSpec, out: Path, style: Style) -> Table:
    """Lay out a table of costs.

    Raises:
        ProblemError: the table names a paper that is not in `grid/specs/printed_numbers/`.
    """
    everything = read(out)
    found = [cost for cost in everything.costs if cost.model in spec.models]
    found.sort(key=lambda cost: (_device(cost), spec.models.index(cost.model)))
    lacking = [word for word in spec.models if word not in {cost.model for cost in found}]
    unmeasured, columns = tuple(models()[word].title for word in lacking), _columns(style)
    command = f"python -m hd2s cost {' '.join(lacking)} --out OUT/{output_folder.COSTS}"
    reasons = ((f"not measured yet (`{command}`, OUT being the output folder)", unmeasured),)
    theirs = _theirs(spec) if style.shown.paper == "beside" else {}
    return Table(
        name=spec.name,
        title=spec.title,
        caption=spec.caption,
        warning=style.warning,
        labels=("Device", "Model"),
        columns=columns,
        blocks=(Block("", _groups(found, unmeasured, theirs, costs(spec.paper), columns)),),
        notes=tuple(_notes(spec, found, everything.problems, bool(theirs), style)),
        missing=Missing("model", len(spec.models), reasons if lacking else ()),
        command=style.command,
        records=tuple(_records(spec, found, costs(spec.paper))),
    )


def _theirs(spec: CostSpec) -> dict[str, Costs]:
    """Return what is printed of systems that are not run here, by their marked names."""
    ours = [models()[word].title for word in spec.models]
    return {f"{title} {MARK}": told for title, told in costs(spec.paper).items() if title not in ours}


def _groups(
    found: Sequence[Cost],
    unmeasured: Sequence[str],
    theirs: Mapping[str, Costs],
    printed: Mapping[str, Costs],
    columns: Sequence[Column],
) -> tuple[Group, ...]:
    """Write a group for each device, one of what is not measured, and one of others' printed numbers."""
    told: list[tuple[str, list[tuple[str, Cost | None]]]] = [
        (device, [(cost.title, cost) for cost in members]) for device, members in gather(found, _device)
    ]
    told += [(_UNMEASURED, [(title, None) for title in unmeasured])] if unmeasured else []
    told += [(_PRINTED, [(title, None) for title in theirs])] if theirs else []
    beside = {**printed, **theirs}
    return tuple(
        Group(name, tuple(Row(title, _entries(cost, beside.get(title), columns)) for title, cost in members))
        for name, members in told
    )


def _device(cost: Cost) -> str:
    return f"{cost.device}, {cost.precision}"


def _columns(style: Style) -> tuple[Column, ...]:
    beside = ("ours", "paper") if style.shown.paper == "beside" else ("ours",)
    size = (Column(heading, over="MB") for heading in beside)
    seconds = (Column(heading, over="seconds a frame") for heading in (*beside, "at best"))
    return (*size, *seconds, Column("ours", over="GFLOP a frame"), Column("ours", over="peak MB"))


def _entries(cost: Cost | None, printed: Costs | None, columns: Sequence[Column]) -> tuple[Entry, ...]:
    ours = {} if cost is None else _ours(cost)
    theirs = printed and {"MB": f"{printed.size:g}", "seconds a frame": number(printed.seconds)}
    return tuple(
        Entry(theirs[column.over] if theirs else "")
        if column.heading == "paper"
        else ours.get((column.over, column.heading), Entry(""))
        for column in columns
    )


def _ours(cost: Cost) -> dict[tuple[str, str], Entry]:
    found = {
        ("MB", "ours"): Entry(f"{cost.size / _MIB:.1f}"),
        ("seconds a frame", "ours"): Entry(_seconds(1 / cost.single)),
        ("seconds a frame", "at best"): Entry(_seconds(1 / cost.best), f"({cost.batch} at a time)"),
        ("GFLOP a frame", "ours"): Entry(f"{cost.frame_operations / 1e9:.1f}"),
    }
    if cost.memory is not None:
        found["peak MB", "ours"] = Entry(f"{cost.memory / _MIB:,.0f}")
    return found


def _seconds(value: float) -> str:
    """Write the time of a frame: as papers do, or with two digits that say something where it is a GPU's."""
    return number(value, max(DIGITS, 1 - math.floor(math.log10(value))))


def _notes(
    spec: CostSpec, found: Sequence[Cost], problems: Sequence[str], others: bool, style: Style
) -> list[str]:
    notes = [
        "Ours: MB are 2^20 bytes of weights and buffers; seconds are of prediction at the model's own size,"
        " one frame at a time and with the fastest number at a time, without decoding and writing; a"
        " multiplication and an addition are two operations; memory is a GPU's of tensors, or a processor's"
        " of the process."
    ]
    for told, members in gather(found, lambda c: (c.measured[:10], tuple(sorted(c.versions.items())))):
        versions = ", ".join(f"{name} {version}" for name, version in told[1])
        names = ", ".join(f"{cost.title} on {_device(cost)}" for cost in members)
        notes.append(f"Measured {told[0]} with {versions}: {names}.")
    notes += [f"Left out: {problem}." for problem in problems]
    if spec.paper and style.shown.paper == "beside":
        notes.append(f"Paper: {citation(spec.paper)}; seconds are of GPUs of the systems' own papers.")
        notes += [NOTE] if others else []
        notes += [f"Printed numbers: {remark}" for remark in remarks(spec.paper)]
    return notes


def _records(spec: CostSpec, found: Sequence[Cost], printed: Mapping[str, Costs]) -> list[dict[str, Any]]:
    """Return a record for each measurement, and for each system of which there is none."""
    measured: list[tuple[str, Cost | None]] = [(cost.title, cost) for cost in found]
    told = {title for title, _ in measured}
    ours = [models()[word].title for word in spec.models]
    rest = dict.fromkeys(title for title in (*ours, *printed) if title not in told)
    return [
        {
            "table": spec.name,
            "label": title if title in ours else f"{title} {MARK}",
            "model": cost.model if cost else "",
            "device": cost.device if cost else "",
            "precision": cost.precision if cost else "",
            "parameters": cost.parameters if cost else None,
            "bytes": cost.size if cost else None,
            "window_operations": cost.window_operations if cost else None,
            "frame_operations": cost.frame_operations if cost else None,
            "mean": 1 / cost.single if cost else None,
            "seconds_at_best": 1 / cost.best if cost else None,
            "batch": cost.batch if cost else None,
            "memory": cost.memory if cost else None,
            "paper_mb": printed[title].size if title in printed else None,
            "paper": printed[title].seconds if title in printed else None,
        }
        for title, cost in [*measured, *((title, None) for title in rest)]
    ]
