"""A plan's tables compiled into files: what `run_grid.py --tables` does."""

from __future__ import annotations

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
        for table in (values.build(spec, results, style), significance.build(spec, results, style)):
            for suffix, render in FORMATS.items() if table else ():
                path, text = folder / f"{table.name}{suffix}", render(table)
                write_atomically(path, lambda part, text=text: part.write_text(text, encoding="utf-8"))
                written.append(path)
    return written
