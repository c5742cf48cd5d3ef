"""What a table says: the plan's cells and the papers' numbers, laid out in blocks, groups and rows.

How it is written down is `grid.tables.rendering`'s part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from grid.approaches import approaches
from grid.paper import citation, paper_value
from grid.plan import Cell, Plan
from grid.results import Ledger, write_atomically
from grid.spec import TableSpec
from grid.tables.rendering import DIGITS, RENDERERS, Block, Entry, Group, Row, Table

DEMO = "Demo: generated corpora, a small input and few iterations; not comparable with the paper's numbers."
_LOWER_IS_BETTER = frozenset({"KLD"})
_SHOWN = {"UCFSports": "UCF Sports"}


@dataclass(frozen=True)
class Layout:
    """How cells fall into place; blocks, groups and rows keep the order of the plan's cells.

    Attributes:
        block: the heading over a cell's block.
        group: what the first column says of a cell; its rows compete for the best value.
        group_heading: the heading of the first column.
    """

    block: Callable[[Cell], str]
    group: Callable[[Cell], str]
    group_heading: str


DOMAIN_SHIFT = Layout(
    block=lambda cell: f"Source dataset: {' + '.join(map(_shown, cell.sources))}",
    group=lambda cell: _shown(cell.target),
    group_heading="Target dataset",
)


class _Scores(NamedTuple):
    means: dict[str, float]
    n_clips: int
    n_frames: int


def compile_tables(plan: Plan, ledger: Ledger, out: Path, demo: bool) -> list[Path]:
    """Write each of the plan's tables in each format, with whatever is done by now.

    Args:
        plan: the tables and their cells.
        ledger: the results.
        out: the output folder; the tables go to its `tables/`.
        demo: the results are a demo's; the table says so.

    Returns:
        The files written: for each table its `.tex` and its `.md`.

    Raises:
        ProblemError: a table names a paper that is not in `grid/paper/`.
    """
    written = []
    for spec in plan.tables:
        table = build(spec, plan, ledger, demo)
        for suffix, render in RENDERERS.items():
            path, text = Path(out) / "tables" / f"{spec.name}{suffix}", render(table)
            write_atomically(path, lambda temporary, text=text: temporary.write_text(text, encoding="utf-8"))
            written.append(path)
    return written


def build(spec: TableSpec, plan: Plan, ledger: Ledger, demo: bool, layout: Layout = DOMAIN_SHIFT) -> Table:
    """Lay out one table. A cell without a value stays in its place, and `Table.missing` says why."""
    cells = [cell for cell in plan.cells if cell.table == spec.name]
    found = _read(cells, ledger)
    blocks = [
        Block(heading, tuple(_group(*group, spec, found) for group in _gather(members, layout.group)))
        for heading, members in _gather(cells, layout.block)
    ]
    return Table(
        name=spec.name,
        title=spec.title,
        caption=spec.caption,
        warning=DEMO if demo else "",
        headings=(layout.group_heading, "Approach"),
        metrics=spec.metrics,
        with_paper=bool(spec.paper),
        blocks=tuple(blocks),
        notes=_notes(spec, cells, found, layout),
        n_cells=len(cells),
        missing=_missing(cells, spec, plan, ledger, found),
        command=f"python run_grid.py --grid {plan.grid} {'--demo ' if demo else ''}--tables",
    )


def _read(cells: Iterable[Cell], ledger: Ledger) -> dict[str, _Scores]:
    """Read the scores of each evaluation that is done; its many rows are let go at once."""
    found = {}
    for evaluation in dict.fromkeys(cell.evaluation for cell in cells):
        if result := ledger.read_evaluation(evaluation):
            found[evaluation] = _Scores(result.scores, result.n_clips, result.n_frames)
    return found


def _group(label: str, cells: list[Cell], spec: TableSpec, found: dict[str, _Scores]) -> Group:
    rows = _gather(cells, lambda cell: approaches()[cell.approach].title)
    ours = [[_ours(seeds, metric, found) for metric in spec.metrics] for _, seeds in rows]
    paper = [[_printed(seeds[0], spec, metric) for metric in spec.metrics] for _, seeds in rows]
    marked = zip(rows, _mark(ours, spec.metrics), _mark(paper, spec.metrics), strict=True)
    return Group(label, tuple(Row(title, ours, paper) for (title, _), ours, paper in marked))


def _ours(cells: list[Cell], metric: str, found: dict[str, _Scores]) -> float | None:
    """Return the mean over the seeds that have a value."""
    values = [value for cell in cells if (value := _value(cell, metric, found)) is not None]
    return sum(values) / len(values) if values else None


def _value(cell: Cell, metric: str, found: dict[str, _Scores]) -> float | None:
    value = found[cell.evaluation].means.get(metric, math.nan) if cell.evaluation in found else math.nan
    return None if math.isnan(value) else value


def _printed(cell: Cell, spec: TableSpec, metric: str) -> float | None:
    if not spec.paper:
        return None
    return paper_value(
        spec.paper,
        spec.name,
        sources=cell.sources,
        target=cell.target,
        test=cell.test,
        approach=cell.approach,
        metric=metric,
    )


def _mark(rows: list[list[float | None]], metrics: Sequence[str]) -> list[tuple[Entry, ...]]:
    """Mark each column's best values: equal ones as printed are equally good, one alone has won nothing."""
    best = []
    for metric, column in zip(metrics, zip(*rows, strict=True), strict=True):
        values = [round(value, DIGITS) for value in column if value is not None]
        choose = min if metric in _LOWER_IS_BETTER else max
        best.append(choose(values) if len(values) > 1 else None)
    return [
        tuple(
            Entry(value, value is not None and round(value, DIGITS) == top)
            for value, top in zip(row, best, strict=True)
        )
        for row in rows
    ]


def _missing(
    cells: list[Cell], spec: TableSpec, plan: Plan, ledger: Ledger, found: dict[str, _Scores]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Gather the cells that lack a value, by the reason."""
    reasons: dict[str, list[str]] = {}
    for cell in cells:
        lacking = [metric for metric in spec.metrics if _value(cell, metric, found) is None]
        if cell.evaluation not in found:
            reasons.setdefault(_reason(cell, plan, ledger), []).append(_place(cell, spec))
        elif lacking:
            reason = f"no frame has a score for {', '.join(lacking)}"
            reasons.setdefault(reason, []).append(_place(cell, spec))
    return tuple((reason, tuple(places)) for reason, places in reasons.items())


def _reason(cell: Cell, plan: Plan, ledger: Ledger) -> str:
    """Say why a cell has no result, by the first thing that went wrong."""
    result = ledger.path("evaluation", cell.evaluation)
    if result.exists():
        return f"{_relative(result, ledger)} cannot be read"
    chain = [plan.trainings[cell.training]]
    while parent := chain[0].parent:
        chain.insert(0, plan.trainings[parent])
    for training in chain:
        if ledger.status(training.id, "training") == "failed":
            return f"training failed, see {_relative(ledger.failure(training.id), ledger)}"
    if failure := ledger.failure(cell.evaluation):
        return f"evaluation failed, see {_relative(failure, ledger)}"
    return "not evaluated yet" if ledger.training_done(cell.training) else "not trained yet"


def _relative(path: Path, ledger: Ledger) -> str:
    return path.relative_to(ledger.out).as_posix()


def _place(cell: Cell, spec: TableSpec) -> str:
    seed = f", seed {cell.seed}" if len(spec.seeds) > 1 else ""
    sources = " + ".join(map(_shown, cell.sources))
    return f"{sources} to {_shown(cell.target)}, {approaches()[cell.approach].title}{seed}"


def _notes(spec: TableSpec, cells: list[Cell], found: dict[str, _Scores], layout: Layout) -> tuple[str, ...]:
    seeds = ", ".join(map(str, spec.seeds))
    repeats = f"then over the seeds {seeds}" if len(spec.seeds) > 1 else f"seed {seeds}"
    notes = [
        f"Ours: mean over all frames of the test clips (a frame without fixations has no score), {repeats}."
    ]
    if spec.paper:
        notes.append(f"Paper: {citation(spec.paper, spec.name)}.")
    apart = ", ours and the paper's separately" if spec.paper else ""
    notes.append(f"Bold: best of each {layout.group_heading.lower()}{apart}.")
    sizes = {
        f"{_shown(cell.test)} ({done.n_clips:,} clips, {done.n_frames:,} frames)": None
        for cell in sorted(cells, key=lambda cell: cell.test)
        if (done := found.get(cell.evaluation))
    }
    return (*notes, f"Test data: {', '.join(sizes)}.") if sizes else tuple(notes)


def _shown(corpus: str) -> str:
    return _SHOWN.get(corpus, corpus)


def _gather(cells: Iterable[Cell], key: Callable[[Cell], str]) -> list[tuple[str, list[Cell]]]:
    """Cells by what `key` says of them, in order of first appearance."""
    gathered: dict[str, list[Cell]] = {}
    for cell in cells:
        gathered.setdefault(key(cell), []).append(cell)
    return list(gathered.items())
