"""Two approaches clip by clip, with the clips named that differ most."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.style import colour, panels, title
from grid.outputs.tables.comparing.places import pairs_asked, standings
from grid.outputs.tables.scores import Results
from grid.specs.table import TableSpec

_NAMED = 10


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
    canvas, axes = panels(len(found), columns=3, height=2.2)
    rows: list[dict[str, Any]] = []
    for one, axis in zip(found, axes, strict=True):
        axis.set_title(one.place)
        axis.set_xlabel(f"{title(one.minus)}, {metric}")
        axis.set_ylabel(f"{title(one.approach)}, {metric}")
        largest = np.argsort(-np.abs(one.values[1] - one.values[0]), kind="stable")[:_NAMED]
        _draw_clips(axis, one, largest)
        rows += [
            {
                "pair": one.place,
                "approach": one.approach,
                "minus": one.minus,
                "metric": metric,
                "clip": clip,
                "before": float(one.values[0, n]),
                "after": float(one.values[1, n]),
                "named": n in largest,
            }
            for n, clip in enumerate(one.clips)
        ]
    return Drawing(canvas, rows)


def _pairs(spec: TableSpec, metric: str, results: Results) -> list[_Pair]:
    several = len(spec.models) > 1
    asked = pairs_asked(spec)
    found = []
    for place in standings(spec, results):
        for other, plain in asked:
            if {other, plain} <= set(place.cells):
                clips, scores = place.by_clip((plain, other), metric, results)
                values = scores.mean(axis=2) if clips else np.empty((2, 0))
                found.append(_Pair(place.title(several_models=several), other, plain, clips, values))
    return found


def _draw_clips(axis: Axes, one: _Pair, largest: np.ndarray) -> None:
    low, high = float(one.values.min()), float(one.values.max())
    axis.axline((low, low), slope=1, color="0.8", linewidth=0.6, zorder=0)
    axis.plot(one.values[0], one.values[1], ".", color=colour(one.approach), markersize=3)
    for n in largest:
        axis.annotate(
            one.clips[n], tuple(one.values[:, n]), xytext=(2, 2), textcoords="offset points", fontsize=4.5
        )
    margin = 0.05 * (high - low or 1)
    axis.set_xlim(low - margin, high + margin)
    axis.set_ylim(low - margin, high + margin)
    axis.set_aspect("equal")


FIGURE = Figure("clips", "Two approaches clip by clip; the clips that differ most are named", draw)
