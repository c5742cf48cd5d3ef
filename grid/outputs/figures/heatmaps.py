"""Heat maps of source and test: each approach's scores, and how far they lie from generalization's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.style import PAGE, panels, title
from grid.outputs.tables.below.footnotes import DAGGER
from grid.outputs.tables.comparing.places import Standing, standings
from grid.outputs.tables.comparing.recovered import LOWER
from grid.outputs.tables.layout import gather, shown, shown_sources
from grid.outputs.tables.table import number
from hd2s.metrics.definitions import find_metric
from hd2s.models.registry import models

# Values that are nearer than this are no colours apart: what prints as zero would be as dark as any.
_LEAST_APART = 0.02

_Rows = Mapping[Standing, str]
"""Each of a table's places, with the row of a map in which it stands."""


class _Line(NamedTuple):
    """What has a row of maps."""

    model: str
    variant: str
    approach: str


def draw(subject: Subject) -> Drawing | str:
    """Draw a row for each model, variant and approach and a column for each metric.

    Below generalization's stand the differences of the others of that model and variant. Dark is better,
    whichever way a metric runs; where a difference is drawn, blue is better and red worse, and † stands by
    one of values over unlike test clips or frames.
    """
    places = _in_rows(standings(subject.spec, subject.results))
    every, metrics = _lines(places), subject.spec.metrics
    values = {(line, metric): _matrix(places, line, metric, subject) for line in every for metric in metrics}
    lines = [line for line in every if not all(np.isnan(values[line, metric]).all() for metric in metrics)]
    if not lines:
        return "no cell has a value yet"
    unlike = {
        (line, metric): _unlike(places, line, metric, subject)
        & ~np.isnan(values[line, metric] - values.get((line._replace(approach=LOWER), metric), 0.0))
        for line, metric in product(lines, metrics)
    }
    several = len({line.model for line in lines}) > 1
    height = 0.65 + 0.22 * len(_sources(places))
    canvas, axes = panels(len(unlike), columns=len(metrics), height=height, width=PAGE)
    rows: list[dict[str, Any]] = []
    for place, (line, metric) in enumerate(unlike):
        plain = values.get((line._replace(approach=LOWER), metric))
        differs = line.approach != LOWER and plain is not None
        drawn = values[line, metric] - plain if differs and plain is not None else values[line, metric]
        first, last = place % len(metrics) == 0, place // len(metrics) == len(lines) - 1
        marked = unlike[line, metric] & differs
        _draw_matrix(axes[place], drawn, marked, metric, differs=differs)
        _label(axes[place], places, first=first, last=last)
        # Long titles have a line of their own, over the whole row.
        told = f" ({DAGGER} over unlike clips)" if any(unlike[line, each].any() for each in metrics) else ""
        over = f"{_title(line, several, differs)}{told}\n" if first else ""
        axes[place].set_title(f"{over}{metric}", loc="left")
        shown_there = {"value": values[line, metric], "drawn": drawn, "unlike": marked}
        rows += _rows(shown_there, line, metric, places)
    return Drawing(canvas, rows)


def _in_rows(places: list[Standing]) -> _Rows:
    """Name each place's row by its sources; where one test is of several targets, by source and target."""
    cells = [place.first for place in places]
    alike = gather(cells, lambda cell: (cell.model, cell.variant, cell.sources, cell.test))
    several = any(len({cell.target for cell in of}) > 1 for _, of in alike)
    targets = [f" to {shown(cell.target)}" if several and cell.target else "" for cell in cells]
    rows = (f"{shown_sources(cell)}{target}" for cell, target in zip(cells, targets, strict=True))
    return dict(zip(places, rows, strict=True))


def _lines(places: _Rows) -> list[_Line]:
    """Return the rows of maps, each model's and variant's together."""
    found = dict.fromkeys(_Line(p.first.model, p.first.variant, word) for p in places for word in p.cells)
    by_model = [of for _, of in gather(found, lambda line: line.model)]
    return [line for own in by_model for _, of in gather(own, lambda line: line.variant) for line in of]


def _title(line: _Line, several: bool, differs: bool) -> str:
    model = models()[line.model].title if several else ""
    less = " − generalization" if differs else ""
    return ", ".join(filter(None, (model, line.variant, f"{title(line.approach)}{less}")))


def _matrix(places: _Rows, line: _Line, metric: str, subject: Subject) -> np.ndarray:
    """Return (sources, tests), NaN where there is no value."""
    found = np.full((len(_sources(places)), len(_tests(places))), np.nan)
    for at, place in _places_of(line, places):
        if (value := place.mean(line.approach, metric, subject.results)) is not None:
            found[at] = value
    return found


def _unlike(places: _Rows, line: _Line, metric: str, subject: Subject) -> np.ndarray:
    """Return (sources, tests): whether a value and generalization's are over unlike test clips or frames."""
    found = np.zeros((len(_sources(places)), len(_tests(places))), bool)
    for at, place in _places_of(line, places):
        if LOWER in place.cells:
            found[at] = place.unlike((line.approach, LOWER), metric, subject.results)
    return found


def _places_of(line: _Line, places: _Rows) -> Iterator[tuple[tuple[int, int], Standing]]:
    """Yield what a line has cells in, with its row and column."""
    sources, tests = _sources(places), _tests(places)
    for place, row in places.items():
        own = (place.first.model, place.first.variant) == (line.model, line.variant)
        if own and line.approach in place.cells:
            yield (sources.index(row), tests.index(place.first.test)), place


def _draw_matrix(axis: Axes, values: np.ndarray, unlike: np.ndarray, metric: str, *, differs: bool) -> None:
    better = values if find_metric(metric).larger_is_better else -values
    low, high = _limits(better, differs=differs)
    axis.imshow(better, cmap="RdBu" if differs else "Blues", aspect="auto", vmin=low, vmax=high)
    for (row, column), value in np.ndenumerate(values):
        if np.isnan(value):
            continue
        share = abs(better[row, column]) / high if differs else (better[row, column] - low) / (high - low)
        shade = "white" if share > 0.6 else "black"
        text = number(value, signed=differs) + DAGGER * bool(unlike[row, column])
        axis.text(column, row, text, ha="center", va="center", color=shade, fontsize=6)


def _limits(better: np.ndarray, *, differs: bool) -> tuple[float, float]:
    """Return the values of the palest and the darkest colour, or, of differences, of both dark ones."""
    known = better[np.isfinite(better)]
    if differs:
        largest = max(np.abs(known).max(initial=0), _LEAST_APART)
        return -largest, largest
    low = float(known.min()) if known.size else 0.0
    return low, max(known.max(initial=low), low + _LEAST_APART)


def _label(axis: Axes, places: _Rows, *, first: bool, last: bool) -> None:
    for spine in axis.spines.values():
        spine.set_visible(False)
    axis.tick_params(length=0)
    tests, sources = _tests(places), _sources(places)
    axis.set_xticks(
        range(len(tests)), [shown(test) for test in tests] if last else [""] * len(tests), rotation=30
    )
    axis.set_yticks(range(len(sources)), list(sources) if first else [""] * len(sources))


def _sources(places: _Rows) -> list[str]:
    return list(dict.fromkeys(places.values()))


def _tests(places: _Rows) -> list[str]:
    return list(dict.fromkeys(place.first.test for place in places))


def _rows(
    matrices: Mapping[str, np.ndarray], line: _Line, metric: str, places: _Rows
) -> list[dict[str, Any]]:
    return [
        {
            **line._asdict(),
            "metric": metric,
            "sources": source,
            "test": test,
            **{name: matrix[row, column].item() for name, matrix in matrices.items()},
        }
        for row, source in enumerate(_sources(places))
        for column, test in enumerate(_tests(places))
        if not np.isnan(matrices["value"][row, column])
    ]


FIGURE = Figure("heatmaps", "Scores by source and test, and differences from generalization", draw)
