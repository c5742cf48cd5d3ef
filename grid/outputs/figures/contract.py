"""What every figure offers. A figure's file ends in `FIGURE = Figure(word, title, draw)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure as Canvas

from grid.outputs.tables.scores import Results
from grid.specs.table import TableSpec


@dataclass(frozen=True)
class Subject:
    """What is drawn: one table of a plan, with all its results."""

    spec: TableSpec
    results: Results


@dataclass(frozen=True)
class Drawing:
    """A figure that is drawn, and the numbers behind it.

    Attributes:
        canvas: in inches as it is printed, one column or the whole page wide.
        rows: each with the same keys, unrounded.
    """

    canvas: Canvas
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Figure:
    """A kind of figure.

    Attributes:
        word: of the command line and of its files, `<table>-<word>.*`.
        title: what it shows.
        draw: a table → the drawing, or what is missing for one, as a sentence's end ("no training is done").
    """

    word: str
    title: str
    draw: Callable[[Subject], Drawing | str]
