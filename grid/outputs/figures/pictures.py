"""Pictures in rows and columns, with a few words above and below each and at the left of rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure as Canvas
from matplotlib.textpath import TextPath
from PIL import Image

from grid.outputs.figures.style import PAGE, STYLE
from hd2s.prediction.overlay import stretched

# In inches: of a line of words, between pictures, left of them for what a row is called, and right of them.
_LINE, _GAP, _LEFT, _RIGHT = 0.12, 0.05, 0.17, 0.12
# In inches: the widest picture, and the longest page.
_WIDEST, _LONGEST = 1.3, 9.2
# Of a picture in pixels: what is printed of it at 200 dots an inch.
_PIXELS = 260
# In points: words, and those that are too small in one line.
_SMALL, _READABLE = 6.0, 4.5


class Panel(NamedTuple):
    """A picture, uint8 (H, W) or (H, W, 3), and what is written above and below it."""

    image: np.ndarray
    above: str = ""
    below: str = ""


class Row(NamedTuple):
    """Pictures beside each other, None where there is a gap; neighbours of one name share it."""

    name: str
    panels: list[Panel | None]


def panel(image: np.ndarray, above: str = "", below: str = "", *, like: np.ndarray | None = None) -> Panel:
    """Return a picture with as many pixels as are printed, in the shape of another one if that is given.

    A float map is stretched from its minimum to its maximum.
    """
    if image.dtype != np.uint8:
        image = stretched(image)
    height, width = (image if like is None else like).shape[:2]
    size = _PIXELS, max(1, round(_PIXELS * height / width))
    return Panel(np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)), above, below)


def draw_rows(rows: Sequence[Row], foot: str = "") -> Canvas:
    """Draw rows of pictures, all of one width, on a page at most, and a line of words below."""
    columns = max(len(row.panels) for row in rows)
    widest = min(_WIDEST, (PAGE - _LEFT - _RIGHT - _GAP * columns) / columns)
    rows = [_with_room(row, widest) for row in rows]
    tall = [_shape(row) for row in rows]
    words = sum(_LINE * lines + _GAP for _, lines in tall) + _LINE * bool(foot)
    side = min(widest, (_LONGEST - words) / sum(aspect for aspect, _ in tall))
    size = _LEFT + (side + _GAP) * columns + _RIGHT, sum(aspect for aspect, _ in tall) * side + words
    with mpl.rc_context(STYLE):
        canvas, top, spans = Canvas(figsize=size), 0.0, []
        for row, (aspect, lines) in zip(rows, tall, strict=True):
            above = _LINE * max(_lines(each.above) for each in row.panels if each)
            for column, each in enumerate(row.panels):
                if each:
                    corner = _LEFT + column * (side + _GAP), top + above
                    _show(canvas, each, corner, (side, aspect * side))
            spans.append((row.name, top + above, top + above + aspect * side))
            top += aspect * side + lines * _LINE + _GAP
        for name, of in groupby(spans, key=itemgetter(0)):
            (_, first, _), *_, (_, _, last) = [*(found := list(of)), found[-1]]
            middle = 1 - (first + last) / 2 / size[1]
            canvas.text(0.04 / size[0], middle, name, rotation=90, va="center", fontsize=_SMALL)
        canvas.text(_LEFT / size[0], 0.02 / size[1], foot, fontsize=_SMALL)
    return canvas


def _shape(row: Row) -> tuple[float, int]:
    """Return height/width of a row's tallest picture, and its lines of words."""
    known = [each for each in row.panels if each]
    aspect = max(each.image.shape[0] / each.image.shape[1] for each in known)
    above, below = (max(map(_lines, words)) for words in zip(*(each[1:] for each in known), strict=True))
    return aspect, above + below


def _lines(words: str) -> int:
    return words.count("\n") + 1 if words else 0


def _with_room(row: Row, wide: float) -> Row:
    """Break what stands above pictures at a comma, where in one line it would be too small to be read."""
    panels = [each and each._replace(above=_broken(each.above, wide)) for each in row.panels]
    return row._replace(panels=panels)


def _broken(words: str, wide: float) -> str:
    parts = words.split(", ")
    if len(parts) == 1 or _size(words, wide) > _READABLE:
        return words
    broken = (f"{', '.join(parts[:n])},\n{', '.join(parts[n:])}" for n in range(1, len(parts)))
    return min(broken, key=lambda text: max(map(len, text.split("\n"))))


def _show(canvas: Canvas, each: Panel, corner: tuple[float, float], size: tuple[float, float]) -> None:
    """Show a picture at its place in inches from the upper left; a low one stands on the row's floor."""
    width, height = canvas.get_size_inches()
    (left, top), (wide, tall) = corner, size
    axis = canvas.add_axes((left / width, 1 - (top + tall) / height, wide / width, tall / height), anchor="S")
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set(visible=True, color="0.7", linewidth=0.3)
    axis.imshow(each.image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    for place, words, side in ((1 + 0.02 / tall, each.above, "bottom"), (-0.02 / tall, each.below, "top")):
        axis.text(
            0.5, place, words, va=side, ha="center", fontsize=_size(words, wide), transform=axis.transAxes
        )


def _size(words: str, wide: float) -> float:
    """Return the size in points at which words do not run into the neighbour's, `wide` inches away."""
    lines = (line for line in words.split("\n") if line.strip())
    found = max((TextPath((0, 0), line, size=_SMALL).get_extents().width / 72 for line in lines), default=0.0)
    return _SMALL * min(1.0, wide / found) if found else _SMALL
