"""How figures look: sizes of a paper's columns, type, and marks that can be told apart without colour."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from hd2s.approaches.registry import approaches

COLUMN, PAGE = 3.35, 6.9
"""Widths in inches: of one column of a paper, and of both."""

# Fonts are embedded whole as TrueType, as publishers ask; dollars are a user's own, as in clips' names.
STYLE: Any = {
    "text.parse_math": False,
    "font.size": 7.0,
    "axes.titlesize": 7.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.0,
    "lines.markersize": 4.0,
    "legend.frameon": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
}
_MARKERS = "osD^vP*Xph<>"
_STYLES = ("-", "--", "-.", ":")
# Of a title's type, over the width of a page.
_LETTERS = 105


def panels(n: int, *, columns: int, height: float, width: float = PAGE) -> tuple[Canvas, list[Axes]]:
    """Return a canvas with n panels in rows of `columns`, each row `height` inches high."""
    with mpl.rc_context(STYLE):
        columns = min(columns, n)
        rows = math.ceil(n / columns)
        canvas = Canvas(figsize=(width, rows * height), layout="constrained")
        axes = [canvas.add_subplot(rows, columns, place + 1) for place in range(n)]
    return canvas, axes


def head(axis: Axes, text: str, *, columns: int) -> None:
    """Put a title over a panel of one in so many columns, in lines that stay clear of its neighbours'."""
    lines = (textwrap.fill(line, _LETTERS // columns) for line in text.split("\n"))
    axis.set_title("\n".join(lines))


def colour(approach: str) -> str:
    """Return an approach's colour."""
    return approaches()[approach].colour


def marker(word: str, of: Iterable[str]) -> str:
    """Return the mark of an approach, or a model, among a figure's: it tells it where there is no colour."""
    return _MARKERS[list(of).index(word) % len(_MARKERS)]


def title(approach: str) -> str:
    """Return an approach's title."""
    return approaches()[approach].title


def draw_curves(
    axis: Axes, curve: Iterable[Mapping[str, Any]], prefix: str, *, label: str = "{}", **look: Any
) -> None:
    """Draw a line for each of a training's curves whose name begins so, told apart by dashes and greys.

    Args:
        axis: where.
        curve: the training's rows of step, name and value.
        prefix: of the names.
        label: what the legend says, of the rest of a name.
        look: of all lines, such as a colour instead of greys.
    """
    found: dict[str, list[tuple[int, float]]] = {}
    for row in curve:
        if row["name"].startswith(prefix):
            found.setdefault(row["name"], []).append((row["step"], row["value"]))
    for n, name in enumerate(sorted(found)):
        shown = {"color": str(0.55 * n / max(1, len(_STYLES) - 1)), **look}
        told = label.format(name.removeprefix(prefix).replace("_", " "))
        axis.plot(*zip(*found[name], strict=True), _STYLES[n % len(_STYLES)], label=told, **shown)


def legend_below(canvas: Canvas, axes: Iterable[Axes], columns: int = 4) -> None:
    """Put one legend of all panels under them."""
    named: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            named.setdefault(label, handle)
    if named:
        with mpl.rc_context(STYLE):
            canvas.legend(
                list(named.values()), list(named), loc="outside lower center", ncols=min(columns, len(named))
            )
