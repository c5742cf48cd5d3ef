"""The table of values: means over seeds and folds, their spread, the paper's number, the best and second."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grid.outputs.tables.arrangement import arranged, in_order, ranking, recorded
from grid.outputs.tables.below.footnotes import sign
from grid.outputs.tables.below.notes import Known, reader_notes, working_notes
from grid.outputs.tables.layout import (
    Layout,
    distinct_labels,
    gather,
    label,
    layout_of,
    place,
)
from grid.outputs.tables.lines import Line, lines_of, with_oracles
from grid.outputs.tables.others import Others, notes_of, others, printed_of, records_of, rows_of
from grid.outputs.tables.scores import Results
from grid.outputs.tables.selection import Choice
from grid.outputs.tables.table import (
    DIGITS,
    Block,
    Column,
    Entry,
    Group,
    Mark,
    Missing,
    Row,
    Style,
    Table,
    heading,
    number,
)
from grid.outputs.tables.value import Value, marks, rankable
from grid.plan import Cell
from grid.specs.table import TableSpec
from hd2s.metrics.definitions import find_metric

_COLUMNS = {"beside": ("ours", "paper", "diff."), "difference": ("ours", "diff."), "none": ("ours",)}


@dataclass(frozen=True)
class _Shape:
    """How a table is told: its spec as it is arranged, and of each metric the columns."""

    spec: TableSpec
    layout: Layout
    columns: Mapping[str, tuple[str, ...]]
    digits: int
    ranking: str
    others: Others

    @property
    def beside(self) -> tuple[str, ...]:
        """The columns of the metric that has most of them."""
        return max(self.columns.values(), key=len, default=())


def build(own: TableSpec, results: Results, style: Style) -> Table:
    """Lay out a table's values. A cell without a value stays in its place, and `Table.missing` says why.

    Raises:
        ProblemError: the table names a paper that is not in `grid/specs/printed_numbers/`.
    """
    spec, asked = arranged(own, style.shown), style.shown
    lines = lines_of(own, recorded(own, asked), results)
    lines = with_oracles(lines, spec) if asked.gap else lines
    choices = [choice for line in lines for choice in line.choices]
    beside = others(spec, [line.cell for line in lines])
    paper = asked.paper if spec.paper else "none"
    gap = ("oracle gap",) if asked.gap else ()
    columns = {metric: (*_columns_of(metric, lines, beside, paper), *gap) for metric in spec.metrics}
    shape = _Shape(spec, layout_of(spec), columns, asked.digits, ranking(asked), beside)
    records = [record for line in lines for record in _records(line, spec, gap=asked.gap)]
    known = Known(choices, shape.beside, _some_lack_seeds(lines, spec), _some_are_unranked(lines, shape))
    return Table(
        name=spec.name,
        title=spec.title,
        caption=spec.caption,
        warning=style.warning,
        labels=(shape.layout.group_heading, "Approach"),
        columns=_columns(shape),
        blocks=_blocks(in_order(lines, lambda line: line.cell, asked.order), shape),
        notes=(*reader_notes(spec, shape.layout, known, results), *notes_of(spec, beside, shape.beside)),
        working=working_notes(spec, results),
        in_float=asked.notes,
        missing=_missing(spec, choices, results),
        command=style.command,
        records=(*records, *records_of(spec, beside, records)),
    )


def _missing(spec: TableSpec, choices: Sequence[Choice], results: Results) -> Missing:
    """Gather the cells that lack a value, by the reason."""
    reasons = [(results.reason(c.cell, spec.metrics), place(c.cell, spec)) for c in choices]
    return Missing.of("cell", len(choices), [item for item in reasons if item[0]])


def _columns_of(metric: str, lines: Sequence[Line], beside: Others, paper: str) -> tuple[str, ...]:
    """Name a metric's columns; where nothing is printed of it there is nothing to stand beside ours."""
    theirs = (number for rows in beside.values() for number in printed_of(rows, metric))
    printed = any(value is not None for value in (*(line.values[metric].printed for line in lines), *theirs))
    return _COLUMNS[paper if printed else "none"]


def _columns(shape: _Shape) -> tuple[Column, ...]:
    if len(shape.beside) == 1:
        return tuple(Column(heading(metric)) for metric in shape.columns)
    return tuple(
        Column(name, over=heading(metric)) for metric, names in shape.columns.items() for name in names
    )


def _blocks(lines: list[Line], shape: _Shape) -> tuple[Block, ...]:
    layout = shape.layout
    return tuple(
        Block(
            title,
            tuple(
                Group(name, _rows(rows, shape))
                for name, rows in gather(members, lambda line: layout.group(line.cell))
            ),
        )
        for title, members in gather(lines, lambda line: layout.block(line.cell))
    )


def _rows(lines: list[Line], shape: _Shape) -> tuple[Row, ...]:
    """Write the rows that compete; ours are ranked among ours, and the paper's among the paper's.

    Those of systems that are not run here come first, as in the papers, and bear no mark.
    """
    beside = shape.others.get(lines[0].cell.test, ())
    lines = _best_first(lines, shape.ranking)
    by_metric = [
        _entries([line.values[metric] for line in lines], columns, shape.digits, printed_of(beside, metric))
        for metric, columns in shape.columns.items()
    ]
    labels = distinct_labels([line.cell for line in lines], shape.spec)
    return rows_of(beside, shape.columns, shape.digits) + tuple(
        Row(name, tuple(entry for entries in by_metric for entry in entries[n]))
        for n, name in enumerate(labels)
    )


def _best_first(lines: list[Line], metric: str) -> list[Line]:
    """Order rows by a metric, those without a value last; empty leaves them as they are."""
    if not metric:
        return lines
    sign_of = -1 if find_metric(metric).larger_is_better else 1
    means = [line.values[metric].mean for line in lines]
    ranks = [math.inf if mean is None else sign_of * mean for mean in means]
    return [lines[i] for i in sorted(range(len(lines)), key=ranks.__getitem__)]


def _entries(
    values: list[Value], columns: Sequence[str], digits: int, beside: list[float | None]
) -> list[list[Entry]]:
    """Write one metric's entries of each row; `beside`, the numbers that are printed of others."""
    ranked = zip(values, rankable(values), strict=True)
    ours = marks([value.mean if may else None for value, may in ranked], values[0].metric, digits)
    # What is printed has no more digits than that.
    most = min(digits, DIGITS)
    # What is best of all that is printed: a model's own best is no best beside another's.
    printed = [*beside, *(value.printed for value in values)]
    paper = marks(printed, values[0].metric, most)[len(beside) :]
    written = [
        {
            "ours": _our_entry(value, our_mark, digits),
            "paper": Entry("")
            if value.printed is None
            else Entry(number(value.printed, most), mark=paper_mark),
            "oracle gap": Entry("" if value.gap is None else number(value.gap, digits, signed=True)),
            "diff.": Entry("" if value.difference is None else number(value.difference, most, signed=True)),
        }
        for value, our_mark, paper_mark in zip(values, ours, paper, strict=True)
    ]
    return [[entries[column] for column in columns] for entries in written]


def _our_entry(value: Value, mark: Mark, digits: int) -> Entry:
    if value.mean is None:
        return Entry("")
    spread = "" if value.std is None else f"± {number(value.std, digits)}"
    after = " ".join(filter(None, (spread, value.share)))
    return Entry(number(value.mean, digits), after, mark, sign([scores for _, scores in value.scored]))


def _some_lack_seeds(lines: Sequence[Line], spec: TableSpec) -> bool:
    return any(line.values[metric].share for line in lines for metric in spec.metrics)


def _some_are_unranked(lines: Sequence[Line], shape: _Shape) -> bool:
    layout = shape.layout
    groups = gather(lines, lambda line: (layout.block(line.cell), layout.group(line.cell)))
    columns = ([line.values[metric] for line in rows] for _, rows in groups for metric in shape.columns)
    return any(
        sum(rankable(column)) < sum(bool(v.scored) and not v.apart for v in column) for column in columns
    )


def _repeat(cell: Cell) -> str:
    return f"seed {cell.seed}{f', fold {cell.fold}' if cell.fold else ''}"


def _records(line: Line, spec: TableSpec, *, gap: bool) -> list[dict[str, Any]]:
    cell = line.cell
    points = {", ".join(choice.cell.point) for choice in line.choices}
    by_seed = (f"{_repeat(choice.cell)}: {', '.join(choice.cell.point)}" for choice in line.choices)
    axes = {
        "table": spec.name,
        "sources": "+".join(cell.sources),
        "target": cell.target,
        "test": cell.test,
        "model": cell.model,
        "approach": cell.approach,
        "variant": cell.variant,
        "label": label(cell, spec),
        "point": points.pop() if len(points) == 1 else "; ".join(by_seed),
    }
    return [
        {
            **axes,
            "metric": metric,
            "n_seeds": len(value.scored),
            "of_seeds": value.n_wanted,
            **value.counts,
            "mean": value.mean,
            "std": value.std,
            "per_video_mean": value.clip_mean,
            "paper": value.printed,
            "difference": value.difference,
            **({"oracle_gap": value.gap} if gap else {}),
        }
        for metric, value in line.values.items()
    ]
