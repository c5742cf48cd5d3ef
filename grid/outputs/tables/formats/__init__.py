"""The formats that tables are written in: one file, one format."""

from collections.abc import Callable, Mapping

from grid.outputs.tables.formats.csv import csv
from grid.outputs.tables.formats.html import html
from grid.outputs.tables.formats.latex import latex
from grid.outputs.tables.formats.markdown import markdown
from grid.outputs.tables.table import Table

FORMATS: Mapping[str, Callable[[Table], str]] = {
    ".tex": latex,
    ".md": markdown,
    ".html": html,
    ".csv": csv,
}
"""Table → text, by the file's suffix."""
