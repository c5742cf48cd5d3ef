"""A table's values as the terminal shows them when a grid has run."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from grid.commands.terminal.names import Name
from grid.outputs.tables.below.footnotes import (
    length_notes,
    sign,
    sign_notes,
    undefined_notes,
)
from grid.outputs.tables.layout import words
from grid.outputs.tables.scores import Results
from grid.outputs.tables.selection import Choice, choose
from grid.outputs.tables.table import Table as Content
from grid.outputs.tables.table import number
from grid.specs.table import TableSpec


def values_table(spec: TableSpec, results: Results) -> list[Table | Text]:
    """Show a row for each cell, of a sweep the point that validation chose, and what the values lack.

    Printed numbers stand in the table's files alone: there may be more of them than cells.
    """
    choices = choose(results.plan.cells_of(spec.name), results)
    cells = [choice.cell for choice in choices]
    seed, fold = len(spec.seeds) > 1, any(cell.fold for cell in cells)
    # Only what tells one place of this table from another.
    targets = any(cell.target for cell in cells)
    tests = any(cell.test != cell.target for cell in cells)
    table = Table(title=f"{spec.name}: {spec.title}", title_justify="left", title_style="bold", box=None)
    swept = ["point of the sweep"] if spec.sweep else []
    repeats = [*["seed"] * seed, *["fold"] * fold]
    for column in ("source", *["target"] * targets, *["test"] * tests, "approach", *repeats, *swept):
        table.add_column(column)
    for metric in spec.metrics:
        table.add_column(metric, justify="right", no_wrap=True)
    above: tuple[str, ...] = ()
    for choice in choices:
        cell = choice.cell
        block = (" + ".join(cell.sources), *[cell.target or ""] * targets, *[cell.test] * tests)
        # As in the paper, a source and target are named once, above the approaches that share them.
        names = ("",) * len(block) if block == above else block
        point = [_point(choice)] if spec.sweep else []
        values = (_shown(choice, metric, results) for metric in spec.metrics)
        repeat = [*[str(cell.seed)] * seed, *[str(cell.fold or "")] * fold]
        told = map(Name, (*names, words(cell, spec), *repeat, *point))
        table.add_row(*told, *values)
        above = block
    notes = length_notes(cells, results) + sign_notes(cells, results, spec)
    notes += undefined_notes(cells, results, spec)
    return [table, *map(Text, notes)]


def costs_table(content: Content) -> list[Table | Text]:
    """Show what models cost, as it is written into files."""
    table = Table(
        title=f"{content.name}: {content.title}", title_justify="left", title_style="bold", box=None
    )
    for heading in content.labels:
        table.add_column(heading)
    for column in content.columns:
        table.add_column(f"{column.over} {column.heading}", justify="right")
    for block in content.blocks:
        for group in block.groups:
            for n, row in enumerate(group.rows):
                told = (" ".join(filter(None, (entry.text, entry.after))) or "--" for entry in row.entries)
                table.add_row("" if n else group.label, row.label, *told)
    reasons = [f"{reason}: {', '.join(places)}" for reason, places in content.missing.reasons]
    return [table, *map(Text, reasons)]


def _point(choice: Choice) -> str:
    """Say how many points were tried and then which one is shown: the end is not shortened first."""
    if choice.n_points == 1:
        return ", ".join(choice.cell.point)
    if not choice.n_trained:
        return f"none of {choice.n_points} trained"
    tried = f"{choice.n_trained} of {choice.n_points}" if choice.provisional else f"{choice.n_points}"
    return f"{tried} tried: {', '.join(choice.cell.point)}"


def _shown(choice: Choice, metric: str, results: Results) -> str:
    value = results.value(choice.cell, metric)
    return "--" if value is None else f"{number(value)}{sign(results.scores_of([choice.cell]))}"
