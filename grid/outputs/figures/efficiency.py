"""Scores against what they cost: seconds a frame in the test, and hours of training."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.ticker import LogLocator, NullFormatter

from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.style import colour, legend_below, marker, panels, title
from grid.outputs.tables.comparing.places import ranked
from grid.plan import Cell
from hd2s.models.registry import models

# Beyond which an axis is logarithmic.
_DECADE = 10
# How marks are filled, model by model.
_FILLS = ("full", "none", "left", "top", "right", "bottom")
# Decades → what is labelled in each, so that labels have room.
_LABELLED = {1.5: (1, 2, 5), 3: (1, 3)}
_AXES = {"seconds_per_frame": "seconds a frame in the test", "training_hours": "hours of training"}


def draw(subject: Subject) -> Drawing | str:
    """Draw each cell's score in the table's first metric against what is known of both."""
    metric = subject.spec.metrics[0]
    rows = _rows(subject, metric)
    known = [key for key in _AXES if any(row[key] > 0 for row in rows)]
    if not known:
        return "no cell has a value yet"
    looks = _looks(list(dict.fromkeys(map(_group, rows))))
    canvas, axes = panels(len(known), columns=len(_AXES), height=2.2)
    for key, axis in zip(known, axes, strict=True):
        axis.set_xlabel(_named(key, subject))
        costs = [row[key] for row in rows if row[key] > 0]
        if max(costs) > _DECADE * min(costs):
            axis.set_xscale("log")
            # Matplotlib's own labels of less than two decades run into each other.
            axis.xaxis.set_major_locator(LogLocator(subs=_labelled(max(costs) / min(costs))))
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter(NullFormatter())
        for group, look in looks.items():
            points = [(row[key], row[metric]) for row in rows if _group(row) == group and row[key] > 0]
            if points:
                axis.plot(*zip(*points, strict=True), **look)
    axes[0].set_ylabel(metric)
    legend_below(canvas, axes)
    return Drawing(canvas, rows)


def _labelled(ratio: float) -> tuple[int, ...]:
    """Return which numbers of each decade are labelled: the fewer, the more decades there are."""
    decades = math.log10(ratio)
    return next((found for most, found in _LABELLED.items() if decades <= most), (1,))


def _named(key: str, subject: Subject) -> str:
    """Name an axis; hours are of GPUs where all trainings ran on such."""
    results = map(subject.results.ledger.read_training, subject.results.plan.trainings)
    devices = {result.summary.get("device", "CPU") for result in results if result}
    of_gpus = key == "training_hours" and "CPU" not in devices
    return f"GPU-{_AXES[key]}" if of_gpus else _AXES[key]


def _rows(subject: Subject, metric: str) -> list[dict[str, Any]]:
    return [
        {
            "pair": place.title(several_models=False),
            "model": cell.model,
            "approach": word,
            "seed": cell.seed,
            **cost,
            metric: value,
        }
        for place in ranked(subject.spec, subject.results)
        for word, cells in place.cells.items()
        for cell in cells
        if (value := subject.results.value(cell, metric)) is not None and (cost := _cost(cell, subject))
    ]


def _group(row: dict[str, Any]) -> tuple[str, str]:
    return row["model"], row["approach"]


def _looks(groups: list[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return how the points of each model and approach are drawn: no two alike.

    An approach has one mark, filled otherwise for each model; a model without weights has a mark of its own.
    """
    several = len({model for model, _ in groups}) > 1
    marked = list(dict.fromkeys(map(_marked, groups)))
    filled = list(dict.fromkeys(model for model, _ in groups if models()[model].trains))
    return {
        (model, word): {
            "label": f"{models()[model].title}, {title(word)}" if several else title(word),
            "marker": marker(_marked((model, word)), marked),
            "linestyle": "none",
            "color": colour(word),
            "fillstyle": _FILLS[filled.index(model) % len(_FILLS)] if model in filled else "none",
        }
        for model, word in groups
    }


def _marked(group: tuple[str, str]) -> str:
    """Return what a mark stands for: of models without weights all have one approach."""
    model, word = group
    return word if models()[model].trains else model


def _cost(cell: Cell, subject: Subject) -> dict[str, Any]:
    """Return what a cell took: in the test, and in training by all workers, with all that it starts from.

    Empty where nothing is known.
    """
    ledger, trainings = subject.results.ledger, subject.results.plan.trainings
    evaluation, seconds = ledger.read_evaluation(cell.evaluation), 0.0
    training: str | None = cell.training
    while training:
        result, planned = ledger.read_training(training), trainings[training]
        taken = result.summary.get("seconds", 0.0) if result else 0.0
        seconds += taken * planned.spec.train.world_size
        training = planned.parent
    if not evaluation or not evaluation.n_frames:
        return {}
    per_frame = evaluation.summary.get("seconds", 0.0) / evaluation.n_frames
    return {"seconds_per_frame": per_frame, "training_hours": seconds / 3600}


FIGURE = Figure("efficiency", "Scores against seconds a frame and hours of training", draw)
