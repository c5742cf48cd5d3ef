"""Heat maps of source and test: each approach's scores, and how far they lie from generalization's."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.style import PAGE, panels, title
from grid.outputs.tables.comparing.places import Standing, standings
from grid.outputs.tables.comparing.recovered import LOWER
from grid.outputs.tables.layout import shown
from grid.outputs.tables.table import number
from grid.plan import Cell
from hd2s.metrics.definitions import find_metric


def draw(subject: Subject) -> Drawing | str:
    """Draw a row for each approach and a column for each metric; below generalization's the differences.

    Dark is better, whichever way a metric runs; where a difference is drawn, blue is better and red worse.
    """
    places = standings(subject.spec, subject.results)
    values = {
        (word, metric): _matrix(places, word, metric, subject)
        for word in dict.fromkeys(word for place in places for word in place.cells)
        for metric in subject.spec.metrics
    }
    if all(np.isnan(matrix).all() for matrix in values.values()):
        return "no cell has a value yet"
    words, metrics = list(dict.fromkeys(word for word, _ in values)), subject.spec.metrics
    height = 0.5 + 0.22 * len(_sources(places))
    canvas, axes = panels(len(values), columns=len(metrics), height=height, width=PAGE)
    rows: list[dict[str, Any]] = []
    for place, (word, metric) in enumerate(values):
        plain = values.get((LOWER, metric))
        differs = word != LOWER and plain is not None
        drawn = values[word, metric] - plain if differs and plain is not None else values[word, metric]
        _draw_matrix(axes[place], drawn, metric, differs=differs)
        _label(
            axes[place], places, first=place % len(metrics) == 0, last=place // len(metrics) == len(words) - 1
        )
        less = " − generalization" if differs else ""
        axes[place].set_title(f"{title(word)}{less}, {metric}" if place % len(metrics) == 0 else metric)
        rows += _rows(values[word, metric], drawn, word, metric, places)
    return Drawing(canvas, rows)


def _matrix(places: list[Standing], word: str, metric: str, subject: Subject) -> np.ndarray:
    """Return (sources, tests), NaN where there is no value; of several models and variants the first."""
    found = np.full((len(_sources(places)), len(_tests(places))), np.nan)
    for place in reversed(places):
        if word in place.cells and (value := place.mean(word, metric, subject.results)) is not None:
            found[_sources(places).index(_source(place.first)), _tests(places).index(place.first.test)] = (
                value
            )
    return found


def _draw_matrix(axis: Axes, values: np.ndarray, metric: str, *, differs: bool) -> None:
    better = values if find_metric(metric).larger_is_better else -values
    largest = np.nanmax(np.abs(better)) if differs and np.isfinite(better).any() else None
    limits = {"vmin": -largest, "vmax": largest} if largest else {}
    axis.imshow(better, cmap="RdBu" if differs else "Blues", aspect="auto", **limits)
    span = np.nanmax(better) - np.nanmin(better) if np.isfinite(better).any() else 0
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            continue
        share = (
            abs(better[row, column]) / largest
            if largest
            else (better[row, column] - np.nanmin(better)) / (span or 1)
        )
        shade = "white" if share > 0.6 else "black"
        axis.text(
            column, row, number(value, signed=differs), ha="center", va="center", color=shade, fontsize=6
        )


def _label(axis: Axes, places: list[Standing], *, first: bool, last: bool) -> None:
    for spine in axis.spines.values():
        spine.set_visible(False)
    axis.tick_params(length=0)
    tests, sources = _tests(places), _sources(places)
    axis.set_xticks(
        range(len(tests)), [shown(test) for test in tests] if last else [""] * len(tests), rotation=30
    )
    axis.set_yticks(range(len(sources)), list(sources) if first else [""] * len(sources))


def _source(cell: Cell) -> str:
    return " + ".join(map(shown, cell.sources))


def _sources(places: list[Standing]) -> list[str]:
    return list(dict.fromkeys(_source(place.first) for place in places))


def _tests(places: list[Standing]) -> list[str]:
    return list(dict.fromkeys(place.first.test for place in places))


def _rows(
    values: np.ndarray, drawn: np.ndarray, word: str, metric: str, places: list[Standing]
) -> list[dict[str, Any]]:
    return [
        {
            "approach": word,
            "metric": metric,
            "sources": source,
            "test": test,
            "value": values[row, column],
            "drawn": drawn[row, column],
        }
        for row, source in enumerate(_sources(places))
        for column, test in enumerate(_tests(places))
        if not np.isnan(values[row, column])
    ]


FIGURE = Figure("heatmaps", "Scores by source and test, and differences from generalization", draw)
