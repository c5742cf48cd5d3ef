"""What each row of a plan's tables says over its seeds, with an interval."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from grid.outputs.statistics.resampling import interval
from grid.outputs.tables.comparing.places import in_common
from grid.outputs.tables.lines import Line, lines_of
from grid.outputs.tables.scores import Results
from grid.plan import Cell


class Summary(NamedTuple):
    """A row in one metric; NaN where that is undefined.

    Attributes:
        cell: the row's first.
        metric: its name.
        n_seeds: the seeds, and folds, that have a value.
        mean: over these, of means over frames, as tables print it.
        std: the sample standard deviation over them.
        low: end of the 95 % interval of the mean, over the choice of test clips and, of several, of seeds;
            undefined where some seed lacks a clip or fold that another has: the mean is over each one's own.
        high: the other end.
        printed: the paper's number.
        difference: ours minus the paper's.
    """

    cell: Cell
    metric: str
    n_seeds: int
    mean: float
    std: float
    low: float
    high: float
    printed: float
    difference: float


def summarised(results: Results) -> list[Summary]:
    """Return every row of a plan's tables that has a value, metric by metric."""
    return [
        _summary(line, metric, results)
        for spec in results.plan.tables
        for line in lines_of(spec, spec.metrics, results)
        for metric in spec.metrics
        if line.values[metric].scored
    ]


def _summary(line: Line, metric: str, results: Results) -> Summary:
    value = line.values[metric]
    told = (value.mean, value.std, *_interval(line, metric, results), value.printed, value.difference)
    numbers = (math.nan if number is None else number for number in told)
    return Summary(line.cell, metric, len(value.scored), *numbers)


def _interval(line: Line, metric: str, results: Results) -> tuple[float, float]:
    """Return the interval of the mean over frames: clips are drawn, and weigh as many frames as they have."""
    repeats = []
    for cell in (choice.cell for choice in line.choices):
        if (scores := results.scores(cell)) and not scores.returned and (of := scores.by_clip.get(metric)):
            frames = scores.frames_by_clip[metric]
            total = sum(frames.values())
            # Folds weigh the same in the mean, whatever their frames.
            weights = {clip: frames[clip] / total for clip in of}
            repeats.append((cell, [{clip: of[clip] * weights[clip] for clip in of}, weights]))
    found = in_common(repeats, quantities=2).scores
    if not found.size or not math.isclose(found[1].sum(), len(repeats)):
        return math.nan, math.nan
    return interval(found, _of_frames, f"summary/{line.cell.id}/{metric}")


def _of_frames(means: np.ndarray) -> np.ndarray:
    """Return the mean over frames, of means over clips of their weighted scores and of their weights."""
    return means[..., 0] / means[..., 1]
