"""A plan's tables compiled into files: what `run_grid.py --tables` does."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from grid.outputs.tables import significance, values
from grid.outputs.tables.formats import FORMATS
from grid.outputs.tables.scores import Results
from grid.outputs.tables.table import Style
from grid.plan import Plan
from grid.results.files import write_atomically
from grid.results.ledger import Ledger


def compile_tables(plan: Plan, ledger: Ledger, folder: Path, style: Style) -> list[Path]:
    """Write each of the plan's tables in each format, with whatever is done by now.

    Args:
        plan: the tables and their cells.
        ledger: the results.
        folder: where the files go.
        style: how the tables are told.

    Returns:
        The files written: for each table its values, and after them its comparisons if it has any.

    Raises:
        ProblemError: a table names a paper that is not in `grid/specs/printed_numbers/`.
    """
    results, written = Results(plan, ledger), []
    for spec in plan.tables:
        tables = (values.build(spec, results, style), significance.build(spec, results, style))
        for table in filter(None, tables):
            for suffix, render in FORMATS.items():
                path = folder / f"{table.name}{suffix}"
                write_atomically(path, partial(Path.write_text, data=render(table), encoding="utf-8"))
                written.append(path)
    return written
