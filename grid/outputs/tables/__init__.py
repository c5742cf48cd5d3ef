"""The paper's tables, laid out from the ledger's cells and the printed numbers, and written down."""

from grid.outputs.tables.compilation import compile_tables
from grid.outputs.tables.table import Style

__all__ = ["Style", "compile_tables"]
