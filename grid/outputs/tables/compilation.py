"""A plan's tables compiled into files: what `run_grid.py --tables` does."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from grid.outputs.tables import costs, values
from grid.outputs.tables.comparing import ranks, recovered, significance
from grid.outputs.tables.formats import FORMATS
from grid.outputs.tables.scores import Results
from grid.outputs.tables.table import Style, Table
from grid.plan import Plan
from grid.results.files import write_text
from grid.results.ledger import Ledger
from grid.specs.table import TableSpec

PARTIAL = ".partial"
_FOLLOWING = ("significance", "recovered", "ranks")
_BUILT = (values.build, significance.build, recovered.build, ranks.build)


def compile_tables(plan: Plan, ledger: Ledger, folder: Path, style: Style) -> list[Path]:
    """Write each of the plan's tables in each format, with whatever is done by now.

    One with fewer values than the table that stands, or over fewer seeds, of another grid of this name or of
    one that has lost results, is written beside it as `<name>.partial.*`, until it has as many; so is what
    follows from it. Values of its own alone count: whether a gap can be recovered lies in the numbers.
    What followed from it as it was once, and does not any more, is removed.

    Args:
        plan: the tables and their cells.
        ledger: the results.
        folder: where the files go.
        style: how the tables are told.

    Returns:
        The files written: for each table its values, and after them its comparisons, recovered gaps and
        ranks if it has any.

    Raises:
        ProblemError: a table names a paper that is not in `grid/specs/printed_numbers/`.
    """
    results, written = Results(plan, ledger, style.places), []
    for spec in plan.tables:
        tables = [table for build in _BUILT if (table := build(spec, results, style))]
        standing = _standing(folder / f"{spec.name}.csv")
        lacks = _n_values(tables[0].records, spec) < _n_values(standing, spec)
        for table in tables:
            written += _write(table, folder, lacks=lacks)
        if not lacks:
            _remove_others(folder, spec, {table.name for table in tables})
    for cost_spec in plan.costs:
        written += _write(costs.build(cost_spec, ledger.out, style), folder, lacks=False)
    return written


def _write(table: Table, folder: Path, *, lacks: bool) -> list[Path]:
    written = []
    for suffix, render in FORMATS.items():
        beside = folder / f"{table.name}{PARTIAL}{suffix}"
        path = beside if lacks else folder / f"{table.name}{suffix}"
        write_text(path, render(table))
        written.append(path)
        if not lacks:
            beside.unlink(missing_ok=True)
    return written


def _remove_others(folder: Path, spec: TableSpec, built: Collection[str]) -> None:
    """Remove what once followed from a table and does not any more, as it is now."""
    for name in (f"{spec.name}-{word}" for word in _FOLLOWING):
        # A table of a user's own may be called so.
        if name not in built and any(
            row.get("table") == spec.name for row in _standing(folder / f"{name}.csv")
        ):
            for suffix in FORMATS:
                (folder / f"{name}{suffix}").unlink(missing_ok=True)
                (folder / f"{name}{PARTIAL}{suffix}").unlink(missing_ok=True)


def behind(written: Iterable[Path]) -> str:
    """Say which tables stand as they were, since there are fewer values now; empty where none does."""
    names = dict.fromkeys(path.stem for path in written if path.stem.endswith(PARTIAL))
    if not names:
        return ""
    return (
        "Tables that stand have more values than there are now, and were left as they are; what there is now"
        f" lies beside them: {', '.join(names)}. Remove those that are not wanted any more."
    )


def _n_values(records: Iterable[Mapping[str, Any]], spec: TableSpec) -> int:
    """Count the values of a table's own metrics, seed by seed.

    What is shown beside them comes and goes as is asked.
    """
    records = [record for record in records if record.get("metric") in spec.metrics]
    known = [record for record in records if record.get("mean") not in (None, "")]
    return sum(int(record.get("n_seeds") or 1) for record in known)


def _standing(file: Path) -> list[dict[str, Any]]:
    """Return the records of a table that was written before; none of a file that is no such table."""
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))
    except (OSError, ValueError, csv.Error):
        return []
