"""Rows of a table that are printed numbers alone: of systems that are not run here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grid.outputs.tables.layout import layout_of
from grid.outputs.tables.table import DIGITS, Entry, Row, number
from grid.plan import Cell
from grid.specs.printed import NotRun, not_run, remarks
from grid.specs.table import TableSpec

MARK = "(not run here)"
NOTE = f"{MARK}: as printed; neither trained nor tested in this project, and never marked as best."

Others = Mapping[str, Sequence[NotRun]]
"""Test corpus → the rows that stand beside ours."""


def others(spec: TableSpec, cells: Sequence[Cell]) -> Others:
    """Return what the table's paper prints of systems that are none of its models.

    Nothing where the cells stand in several blocks: such rows have no place in any of them.
    """
    block = layout_of(spec).block
    if len({block(cell) for cell in cells}) > 1:
        return {}
    found = {cell.test: not_run(spec.paper, spec.models, cell.test) for cell in cells}
    return {test: rows for test, rows in found.items() if rows}


def label_of(row: NotRun) -> str:
    """Name such a row, so that nobody takes it for one of ours."""
    return f"{row.system} {MARK}"


def rows_of(found: Sequence[NotRun], columns: Mapping[str, Sequence[str]], digits: int) -> tuple[Row, ...]:
    """Write the rows in each metric's columns; there are none where the paper's numbers are not shown."""
    if not any("paper" in headings for headings in columns.values()):
        return ()
    return tuple(
        Row(
            label_of(row),
            tuple(
                _entry(row.numbers.get(metric) if heading == "paper" else None, digits)
                for metric, headings in columns.items()
                for heading in headings
            ),
        )
        for row in found
    )


def printed_of(found: Sequence[NotRun], metric: str) -> list[float | None]:
    """List what the rows say in one metric."""
    return [row.numbers.get(metric) for row in found]


def notes_of(spec: TableSpec, beside: Others, subheadings: Sequence[str]) -> list[str]:
    """Say what such rows are, and what must be known of the printed numbers."""
    if "paper" not in subheadings:
        return []
    return [*([NOTE] if beside else []), *(f"Printed numbers: {remark}" for remark in remarks(spec.paper))]


def records_of(spec: TableSpec, beside: Others, ours: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records of such rows, with the columns of our records, of which they fill few."""
    return [
        {
            **dict.fromkeys(ours[0]),
            "table": spec.name,
            "test": test,
            "approach": "not run here",
            "label": label_of(row),
            "metric": metric,
            "paper": row.numbers.get(metric),
        }
        for test, rows in beside.items()
        for row in rows
        for metric in spec.metrics
    ]


def _entry(value: float | None, digits: int) -> Entry:
    # What is printed has no more digits than that.
    return Entry("") if value is None else Entry(number(value, min(digits, DIGITS)))
