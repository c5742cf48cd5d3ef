"""The paper's tables, laid out from the ledger's cells and the printed numbers, and written down."""

from grid.tables.compilation import compile_tables
from grid.tables.table import Style

__all__ = ["Style", "compile_tables"]
