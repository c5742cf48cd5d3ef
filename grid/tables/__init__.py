"""The paper's tables, laid out from the ledger's cells and the printed numbers, and written down."""

from grid.tables.layout import build, compile_tables

__all__ = ["build", "compile_tables"]
