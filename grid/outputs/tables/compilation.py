"""A plan's tables compiled into files: what `run_grid.py --tables` does."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from grid.outputs.tables import costs, significance, values
from grid.outputs.tables.formats import FORMATS
from grid.outputs.tables.scores import Results
from grid.outputs.tables.table import Style, Table
from grid.plan import Plan
from grid.results.files import write_atomically
from grid.results.ledger import Ledger

PARTIAL = ".partial"
# What a record has no value without: of a table of values, and of one of comparisons.
_VALUES = ("mean", "difference")


def compile_tables(plan: Plan, ledger: Ledger, folder: Path, style: Style) -> list[Path]:
    """Write each of the plan's tables in each format, with whatever is done by now.

    One with fewer values than the table that stands, of another grid of this name or of one that has lost
    results, is written beside it as `<name>.partial.*`, until it has as many.

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
            written += _write(table, folder)
    for cost_spec in plan.costs:
        written += _write(costs.build(cost_spec, ledger.out, style), folder)
    return written


def _write(table: Table, folder: Path) -> list[Path]:
    lacks, written = _n_values(table.records) < _n_standing(folder / f"{table.name}.csv"), []
    for suffix, render in FORMATS.items():
        beside = folder / f"{table.name}{PARTIAL}{suffix}"
        path = beside if lacks else folder / f"{table.name}{suffix}"
        write_atomically(path, partial(Path.write_text, data=render(table), encoding="utf-8"))
        written.append(path)
        if not lacks:
            beside.unlink(missing_ok=True)
    return written


def behind(written: Iterable[Path]) -> str:
    """Say which tables stand as they were, since there are fewer values now; empty where none does."""
    names = dict.fromkeys(path.stem for path in written if path.stem.endswith(PARTIAL))
    if not names:
        return ""
    return (
        "Tables that stand have more values than there are now, and were left as they are; what there is now"
        f" lies beside them: {', '.join(names)}. Remove those that are not wanted any more."
    )


def _n_values(records: Iterable[Mapping[str, Any]]) -> int:
    records = list(records)
    column = next((name for name in _VALUES if records and name in records[0]), None)
    return sum(record[column] not in (None, "") for record in records) if column else 0


def _n_standing(file: Path) -> int:
    """Count the values of a table that was written before; none of a file that is no such table."""
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            return _n_values(csv.DictReader(lines))
    except (OSError, ValueError, csv.Error):
        return 0
