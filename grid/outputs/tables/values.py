"""The table of values: means over seeds and folds, their spread, the paper's number, the best and second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grid.outputs.tables.footnotes import SEEDS, UNRANKED, clip_notes, constant_notes, length_notes, sign
from grid.outputs.tables.layout import (
    Layout,
    distinct_labels,
    gather,
    label,
    layout_of,
    place,
    row_key,
    shown,
)
from grid.outputs.tables.scores import Results
from grid.outputs.tables.selection import Choice, choose, sweep_notes
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
    number,
)
from grid.outputs.tables.value import Value, rankable
from grid.plan import Cell
from grid.specs.printed import citation, paper_value
from grid.specs.table import TableSpec
from hd2s.metrics.definitions import find_metric

_COLUMNS = {"beside": ("ours", "paper", "diff."), "difference": ("ours", "diff."), "none": ("ours",)}


@dataclass(frozen=True)
class _Line:
    """A row before it is written: its choices, one for each seed and fold, and its value in each metric."""

    choices: tuple[Choice, ...]
    values: tuple[Value, ...]

    @property
    def cell(self) -> Cell:
        return self.choices[0].cell


def build(spec: TableSpec, results: Results, style: Style) -> Table:
    """Lay out a table's values. A cell without a value stays in its place, and `Table.missing` says why.

    Raises:
        ProblemError: the table names a paper that is not in `grid/specs/printed_numbers/`.
    """
    layout = layout_of(spec)
    choices = choose([cell for cell in results.plan.cells if cell.table == spec.name], results)
    rows = gather(choices, lambda choice: row_key(choice.cell))
    lines = [_line(tuple(seeds), spec, results) for _, seeds in rows]
    subheadings = _COLUMNS[style.paper if spec.paper else "none"]
    return Table(
        name=spec.name,
        title=spec.title,
        caption=spec.caption,
        warning=style.warning,
        labels=(layout.group_heading, "Approach"),
        columns=_columns(spec, subheadings),
        blocks=_blocks(lines, spec, layout, subheadings),
        notes=_notes(spec, lines, results, layout, subheadings),
        missing=_missing(spec, choices, results),
        command=style.command,
        records=tuple(record for line in lines for record in _records(line, spec)),
    )


def _missing(spec: TableSpec, choices: Sequence[Choice], results: Results) -> Missing:
    """Gather the cells that lack a value, by the reason."""
    lacking = [c.cell for c in choices if results.reason(c.cell, spec.metrics)]
    reasons = gather(lacking, lambda cell: results.reason(cell, spec.metrics))
    told = tuple((reason, tuple(place(cell, spec) for cell in cells)) for reason, cells in reasons)
    return Missing("cells", len(choices), told)


def _line(choices: tuple[Choice, ...], spec: TableSpec, results: Results) -> _Line:
    return _Line(choices, tuple(_value(choices, metric, spec, results) for metric in spec.metrics))


def _value(choices: Sequence[Choice], metric: str, spec: TableSpec, results: Results) -> Value:
    scored = [c.cell for c in choices if results.value(c.cell, metric) is not None]
    return Value(
        metric=metric,
        scored=tuple((cell.repeat, scores) for cell in scored if (scores := results.scores(cell))),
        n_wanted=len(choices),
        printed=_printed(choices[0].cell, metric, spec) if spec.paper else None,
    )


def _printed(cell: Cell, metric: str, spec: TableSpec) -> float | None:
    return paper_value(
        spec.paper,
        sources=cell.sources,
        target=cell.target,
        test=cell.test,
        model=cell.model,
        approach=cell.variant or cell.approach,
        metric=metric,
    )


def _columns(spec: TableSpec, subheadings: Sequence[str]) -> tuple[Column, ...]:
    if len(subheadings) == 1:
        return tuple(Column(metric) for metric in spec.metrics)
    return tuple(Column(heading, over=metric) for metric in spec.metrics for heading in subheadings)


def _blocks(
    lines: list[_Line], spec: TableSpec, layout: Layout, subheadings: Sequence[str]
) -> tuple[Block, ...]:
    return tuple(
        Block(
            heading,
            tuple(
                Group(name, _rows(rows, spec, subheadings))
                for name, rows in gather(members, lambda line: layout.group(line.cell))
            ),
        )
        for heading, members in gather(lines, lambda line: layout.block(line.cell))
    )


def _rows(lines: list[_Line], spec: TableSpec, subheadings: Sequence[str]) -> tuple[Row, ...]:
    """Write the rows that compete; ours are ranked among ours, and the paper's among the paper's."""
    by_metric = [
        _entries([line.values[n] for line in lines], metric, subheadings)
        for n, metric in enumerate(spec.metrics)
    ]
    labels = distinct_labels([line.cell for line in lines], spec)
    return tuple(
        Row(name, tuple(entry for entries in by_metric for entry in entries[n]))
        for n, name in enumerate(labels)
    )


def _entries(values: list[Value], metric: str, subheadings: Sequence[str]) -> list[list[Entry]]:
    """Write one metric's entries of each row."""
    ranked = zip(values, rankable(values), strict=True)
    ours = _marks([value.mean if may else None for value, may in ranked], metric)
    paper = _marks([value.printed for value in values], metric)
    written = [
        {
            "ours": _our_entry(value, our_mark),
            "paper": _entry(value.printed, paper_mark),
            "diff.": _entry(value.difference, "", signed=True),
        }
        for value, our_mark, paper_mark in zip(values, ours, paper, strict=True)
    ]
    return [[entries[heading] for heading in subheadings] for entries in written]


def _our_entry(value: Value, mark: Mark) -> Entry:
    if value.mean is None:
        return Entry("")
    spread = "" if value.std is None else f"± {number(value.std)}"
    after = " ".join(filter(None, (spread, value.share)))
    return Entry(number(value.mean), after, mark, sign([scores for _, scores in value.scored]))


def _entry(value: float | None, mark: Mark, *, signed: bool = False) -> Entry:
    return Entry("") if value is None else Entry(number(value, signed=signed), mark=mark)


def _marks(values: list[float | None], metric: str) -> list[Mark]:
    """Rank a column: values that are printed alike rank alike, and one alone has won nothing.

    There is a second only after a single best, and only among three or more.
    """
    rounded = [None if value is None else round(value, DIGITS) for value in values]
    ranked = sorted((v for v in rounded if v is not None), reverse=find_metric(metric).larger_is_better)
    best = ranked[0] if len(ranked) > 1 else None
    second = ranked[1] if len(ranked) > 2 and ranked[1] != best else None
    marks: dict[float | None, Mark] = {second: "second", best: "best", None: ""}
    return [marks.get(value, "") for value in rounded]


def _notes(
    spec: TableSpec, lines: list[_Line], results: Results, layout: Layout, subheadings: Sequence[str]
) -> tuple[str, ...]:
    choices = [choice for line in lines for choice in line.choices]
    several = len(spec.seeds) > 1
    seeds = ", ".join(map(str, spec.seeds))
    repeats = f"; mean ± sample standard deviation over the seeds {seeds}" if several else f", seed {seeds}"
    repeats += _told_of_folds(spec, several=several)
    notes = [
        "Ours: frame mean, as benchmarks report it, over all frames of the test clips (a frame without"
        f" fixations has no score){repeats}. The mean over the means of clips is in {spec.name}.csv."
    ]
    if len(subheadings) > 1:
        notes.append(f"Paper: {citation(spec.paper)}; diff.: ours minus the paper's.")
    apart = ", ours and the paper's separately" if "paper" in subheadings else ""
    group = layout.group_heading.lower()
    notes.append(f"Bold: best of each {group}; italic: second best of three or more{apart}.")
    notes += sweep_notes(spec, choices)
    cells = [choice.cell for choice in choices]
    notes += _sizes(cells, results)
    notes += [SEEDS] if any(value.share for line in lines for value in line.values) else []
    notes += length_notes(cells, results) + clip_notes(cells, results, spec)
    notes += constant_notes(cells, results, spec)
    return (*notes, *([UNRANKED] if _some_are_unranked(lines, layout) else []))


def _told_of_folds(spec: TableSpec, *, several: bool) -> str:
    """Say which values are means over folds, too."""
    if not spec.folds:
        return ""
    of = ", ".join(f"the {of} folds of {shown(corpus)}" for corpus, of, _ in spec.folds)
    return f" and over {of}" if several else f"; mean ± sample standard deviation over {of}"


def _some_are_unranked(lines: list[_Line], layout: Layout) -> bool:
    groups = gather(lines, lambda line: (layout.block(line.cell), layout.group(line.cell)))
    columns = (column for _, rows in groups for column in zip(*(row.values for row in rows), strict=True))
    return any(sum(rankable(column)) < sum(bool(value.scored) for value in column) for column in columns)


def _sizes(cells: Sequence[Cell], results: Results) -> list[str]:
    tested: dict[str, list[tuple[int, int]]] = {}
    # The folds of one row make the corpus up together.
    for (test, *_), folds in gather(cells, lambda cell: (cell.test, row_key(cell), cell.seed)):
        if found := results.scores_of(folds):
            clips, frames = sum(len(each.clips) for each in found), sum(each.n_frames for each in found)
            tested.setdefault(test, []).append((clips, frames))
    largest = {test: max(found) for test, found in tested.items()}
    sizes = [
        f"{shown(test)} ({clips:,} clips, {frames:,} frames)"
        for test, (clips, frames) in sorted(largest.items())
    ]
    return [f"Test data: {', '.join(sizes)}."] if sizes else []


def _repeat(cell: Cell) -> str:
    return f"seed {cell.seed}{f', fold {cell.fold}' if cell.fold else ''}"


def _records(line: _Line, spec: TableSpec) -> list[dict[str, Any]]:
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
        }
        for metric, value in zip(spec.metrics, line.values, strict=True)
    ]
