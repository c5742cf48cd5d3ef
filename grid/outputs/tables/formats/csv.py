"""CSV for further analysis: a table's records, unrounded, and nothing else."""

from __future__ import annotations

import io
from csv import DictWriter

from grid.outputs.tables.table import Table


def csv(table: Table) -> str:
    """Write a line for each record; what is undefined is empty."""
    text = io.StringIO()
    writer = DictWriter(text, list(table.records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table.records)
    return text.getvalue()
