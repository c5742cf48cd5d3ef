"""The formats that tables are written in: one file, one format."""

from collections.abc import Callable, Mapping

from grid.tables.formats.csv import csv
from grid.tables.formats.html import html
from grid.tables.formats.latex import latex
from grid.tables.formats.markdown import markdown
from grid.tables.table import Table

FORMATS: Mapping[str, Callable[[Table], str]] = {
    ".tex": latex,
    ".md": markdown,
    ".html": html,
    ".csv": csv,
}
"""Table → text, by the file's suffix."""
