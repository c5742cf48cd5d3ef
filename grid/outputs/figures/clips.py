"""Two approaches clip by clip, with the clips named that differ most."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.style import colour, head, panels, title
from grid.outputs.tables.comparing.places import pairs_asked, ranked
from grid.outputs.tables.scores import Results
from grid.specs.table import TableSpec

_COLUMNS = 3
_NAMED = 10
# Half of a point's mark, in pixels.
_MARK = 2
# On which sides of a point a name is tried: right or left, above or below.
_BESIDE = ((True, True), (False, True), (True, False), (False, False))


class _Pair(NamedTuple):
    """Two approaches clip by clip: where they stand, the clips, and (2, clips) means over seeds."""

    place: str
    approach: str
    minus: str
    clips: list[str]
    values: np.ndarray


def draw(subject: Subject) -> Drawing | str:
    """Draw a panel for each comparison of the significance table, in the table's first metric."""
    metric = subject.spec.metrics[0]
    found = [one for one in _pairs(subject.spec, metric, subject.results) if one.clips]
    if not found:
        return "no two approaches that are compared have values in common yet"
    canvas, axes = panels(len(found), columns=_COLUMNS, height=2.2)
    rows: list[dict[str, Any]] = []
    for one, axis in zip(found, axes, strict=True):
        head(axis, one.place, columns=_COLUMNS)
        axis.set_xlabel(f"{title(one.minus)}, {metric}")
        axis.set_ylabel(f"{title(one.approach)}, {metric}")
        _draw_clips(axis, one)
    # Where names have room is known once all is laid out.
    canvas.draw_without_rendering()
    for one, axis in zip(found, axes, strict=True):
        named = _name_clips(axis, one)
        rows += [
            {
                "pair": one.place,
                "approach": one.approach,
                "minus": one.minus,
                "metric": metric,
                "clip": clip,
                "before": float(one.values[0, n]),
                "after": float(one.values[1, n]),
                "named": n in named,
            }
            for n, clip in enumerate(one.clips)
        ]
    return Drawing(canvas, rows)


def _pairs(spec: TableSpec, metric: str, results: Results) -> list[_Pair]:
    several = len(spec.models) > 1
    asked = pairs_asked(spec)
    found = []
    for place in ranked(spec, results):
        for other, plain in asked:
            if {other, plain} <= set(place.cells):
                clips, _, scores = place.by_clip((plain, other), metric, results)
                values = scores.mean(axis=2) if clips else np.empty((2, 0))
                found.append(_Pair(place.title(several_models=several), other, plain, clips, values))
    return found


def _draw_clips(axis: Axes, one: _Pair) -> None:
    low, high = float(one.values.min()), float(one.values.max())
    axis.axline((low, low), slope=1, color="0.8", linewidth=0.6, zorder=0)
    axis.plot(one.values[0], one.values[1], ".", color=colour(one.approach), markersize=3)
    # A name fits above the highest point.
    margin = 0.08 * (high - low or 1)
    axis.set_xlim(low - margin, high + margin)
    axis.set_ylim(low - margin, high + margin)
    axis.set_aspect("equal")


def _name_clips(axis: Axes, one: _Pair) -> set[int]:
    """Name the clips that differ most, where there is room beside their points; return which are named."""
    named: set[int] = set()
    taken: list[Bbox] = []
    points = axis.transData.transform(one.values.T)
    for n in np.argsort(-np.abs(one.values[1] - one.values[0]), kind="stable")[:_NAMED].tolist():
        for right, up in _BESIDE:
            text = axis.annotate(
                one.clips[n],
                tuple(one.values[:, n]),
                xytext=(2 if right else -2, 2 if up else -2),
                textcoords="offset points",
                ha="left" if right else "right",
                va="bottom" if up else "top",
                fontsize=4.5,
            )
            # It takes no room from the panel, which would move what was laid out.
            text.set_in_layout(False)
            box = text.get_window_extent()
            inside = axis.bbox.containsx(box.x0) and axis.bbox.containsx(box.x1)
            inside &= axis.bbox.containsy(box.y0) and axis.bbox.containsy(box.y1)
            covers = any(box.padded(_MARK).contains(*point) for point in points)
            if inside and not covers and not any(box.overlaps(other) for other in taken):
                named.add(n)
                taken.append(box)
                break
            text.remove()
    return named


FIGURE = Figure(
    "clips", "Two approaches clip by clip; those that differ most are named where there is room", draw
)
