"""What a model's inner levels see, beside its saliency map (HD2S Fig. 6)."""

from __future__ import annotations

from typing import Any

import numpy as np

from grid.outputs.figures.chosen import Shown, Strip, record, shown_frames
from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.pictures import Panel, Row, draw_rows, panel
from grid.outputs.figures.trained import maps_of, picture, truth
from grid.outputs.tables.table import number
from grid.plan import Cell
from hd2s.metrics.benchmark import as_benchmark_image
from hd2s.metrics.scores import cc

_SALIENCY = "saliency"


def draw(subject: Subject) -> Drawing | str:
    """Draw a line for each model with auxiliary maps, on a frame of each place."""
    found = shown_frames(subject, lambda strip: len(strip.cells), most=1)
    if isinstance(found, str):
        return found
    rows: list[Row] = []
    numbers: list[dict[str, Any]] = []
    for strip, frames in found.strips:
        for shown in frames:
            _draw_frame(subject, strip, shown, rows, numbers)
    if not rows:
        return "no model of this table has maps of inner levels"
    return Drawing(draw_rows(rows, found.left_out), numbers)


def _draw_frame(
    subject: Subject, strip: Strip, shown: Shown, rows: list[Row], numbers: list[dict[str, Any]]
) -> None:
    manifest = subject.material.manifests[strip.test]
    people = truth(manifest, shown.place)
    image = picture(manifest, shown.place)
    beside: list[Panel | None] = [panel(image, below=shown.name), panel(people, "people", shown.why)]
    found = {label: _maps(subject, cell, shown) for label, cell in strip.cells.items()}
    found = {label: maps for label, maps in found.items() if len(maps) > 1}
    names = dict.fromkeys(name for maps in found.values() for name in maps if name != _SALIENCY)
    unnamed = set(names)
    for label, maps in found.items():
        scores = {name: _cc(each, people) for name, each in maps.items()}
        above = {name: name.replace("_", " ") for name in unnamed & maps.keys()} | {_SALIENCY: label}
        panels = [
            panel(maps[name], above.get(name, ""), f"CC {number(scores[name], 2)}", like=image)
            if name in maps
            else None
            for name in (*names, _SALIENCY)
        ]
        rows.append(Row(strip.title, [*beside, *panels]))
        numbers += _numbers(strip, shown, strip.cells[label], scores)
        beside, unnamed = [None, None], unnamed - maps.keys()


def _maps(subject: Subject, cell: Cell, shown: Shown) -> dict[str, np.ndarray]:
    (found,) = maps_of(subject, cell, [shown.place])
    return {**found.auxiliary, _SALIENCY: found.saliency}


def _cc(found: np.ndarray, people: np.ndarray) -> float:
    """Return the benchmark's CC of a map (H, W) with people's, at the clip's own size."""
    height, width = people.shape
    return cc(as_benchmark_image(found, (height, width)), people)


def _numbers(strip: Strip, shown: Shown, cell: Cell, scores: dict[str, float]) -> list[dict[str, Any]]:
    return [{**record(strip, shown, cell), "map": name, "CC": score} for name, score in scores.items()]


FIGURE = Figure("conspicuity", "What inner levels see, beside the saliency map", draw, "frames")
