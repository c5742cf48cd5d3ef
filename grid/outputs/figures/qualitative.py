"""Frames with people's map and every model's side by side (HD2S Fig. 4, 7 and 8)."""

from __future__ import annotations

import math
from typing import Any

from grid.outputs.figures.chosen import Shown, Strip, record, shown_frames
from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.pictures import Panel, Row, draw_rows, panel
from grid.outputs.figures.trained import maps_of, picture, truth
from grid.outputs.tables.table import number

# Of maps in one line; more go on in the next.
_IN_A_LINE = 6


def draw(subject: Subject) -> Drawing | str:
    """Draw each frame that is chosen: the frame, people's map, and the map of each cell with its score."""
    found = shown_frames(subject, lambda strip: math.ceil(len(strip.cells) / _IN_A_LINE))
    if isinstance(found, str):
        return found
    rows: list[Row] = []
    numbers: list[dict[str, Any]] = []
    for strip, frames in found.strips:
        rows += _rows(subject, strip, frames)
        numbers += _numbers(subject, strip, frames)
    return Drawing(draw_rows(rows, found.left_out), numbers)


def _rows(subject: Subject, strip: Strip, frames: list[Shown]) -> list[Row]:
    manifest, places = subject.material.manifests[strip.test], [shown.place for shown in frames]
    metric, pictures = subject.spec.metrics[0], [picture(manifest, place) for place in places]
    maps: list[list[Panel]] = [[] for _ in frames]
    for label, cell in strip.cells.items():
        for n, found in enumerate(maps_of(subject, cell, places)):
            score = frames[n].scores.get(label)
            below = "" if score is None else f"{metric} {number(score, 2)}"
            above = "" if n and len(strip.cells) <= _IN_A_LINE else label
            maps[n].append(panel(found.saliency, above, below, like=pictures[n]))
    rows: list[Row] = []
    for shown, image, line in zip(frames, pictures, maps, strict=True):
        beside: list[Panel | None] = [
            panel(image, below=shown.name),
            panel(truth(manifest, shown.place), "people" if not rows else "", shown.why),
        ]
        for start in range(0, len(line), _IN_A_LINE):
            rows.append(Row(strip.title, [*beside, *line[start : start + _IN_A_LINE]]))
            beside = [None, None]
    return rows


def _numbers(subject: Subject, strip: Strip, frames: list[Shown]) -> list[dict[str, Any]]:
    return [
        {**record(strip, shown, cell), subject.spec.metrics[0]: shown.scores.get(label)}
        for shown in frames
        for label, cell in strip.cells.items()
    ]


FIGURE = Figure("qualitative", "Frames, people's maps and every model's, side by side", draw, "frames")
