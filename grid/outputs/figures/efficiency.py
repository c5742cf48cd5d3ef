"""Scores against what they cost: seconds a frame in the test, and hours of training."""

from __future__ import annotations

from typing import Any

from matplotlib.ticker import LogLocator, NullFormatter

from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.style import colour, legend_below, marker, panels, title
from grid.outputs.tables.comparing.places import standings
from grid.plan import Cell
from hd2s.models.registry import models

# Beyond which an axis is logarithmic.
_DECADE = 10
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
            axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter(NullFormatter())
        for group, look in looks.items():
            points = [(row[key], row[metric]) for row in rows if _group(row) == group and row[key] > 0]
            if points:
                axis.plot(*zip(*points, strict=True), **look)
    axes[0].set_ylabel(metric)
    legend_below(canvas, axes)
    return Drawing(canvas, rows)


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
        for place in standings(subject.spec, subject.results)
        for word, cells in place.cells.items()
        for cell in cells
        if (value := subject.results.value(cell, metric)) is not None and (cost := _cost(cell, subject))
    ]


def _group(row: dict[str, Any]) -> tuple[str, str]:
    return row["model"], row["approach"]


def _looks(groups: list[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return how the points of each model and approach are drawn; those of the first model are filled."""
    several = len({model for model, _ in groups}) > 1
    words = list(dict.fromkeys(word for _, word in groups))
    return {
        (model, word): {
            "label": f"{models()[model].title}, {title(word)}" if several else title(word),
            "marker": marker(word, words),
            "linestyle": "none",
            "color": colour(word),
            "markerfacecolor": colour(word) if model == groups[0][0] else "none",
        }
        for model, word in groups
    }


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
