"""What a finished training and a finished evaluation have to say."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from grid.plan import Row
from grid.results.checks import FRAME_SCHEMA

CURVE_SCHEMA = pa.schema([("step", pa.int64()), ("name", pa.string()), ("value", pa.float64())])
"""The columns of a training's curve: a row for each value of each step."""


@dataclass(frozen=True)
class TrainingResult:
    """A finished training: its curve, rows of step, name and value, and its summary."""

    id: str
    curve: list[Row]
    summary: dict[str, Any]


@dataclass(frozen=True)
class EvaluationResult:
    """A finished evaluation: a row for each frame of each test clip, and its summary.

    A frame on which a metric is undefined (mostly: nobody looked) holds NaN there and is left out of means.
    """

    id: str
    frames: pa.Table
    summary: dict[str, Any]

    @property
    def metrics(self) -> list[str]:
        """The metrics scored, in the order of the columns."""
        return self.frames.column_names[len(FRAME_SCHEMA) :]

    @property
    def n_frames(self) -> int:
        """Frames of all test clips, those without a score too."""
        return self.frames.num_rows

    @property
    def n_clips(self) -> int:
        """Test clips."""
        return len(pc.unique(self.frames["clip"]))

    @cached_property
    def scores(self) -> dict[str, float]:
        """Each metric's mean over frames, as benchmarks report it; NaN where no frame has a score."""
        return {name: _mean(_defined(self.frames[name])) for name in self.metrics}

    @cached_property
    def per_video(self) -> dict[str, float]:
        """Each metric's mean over the means of clips, so that long clips weigh no more than short ones."""
        return {name: _mean(self.by_clip(name)["mean"]) for name in self.metrics}

    def has_values(self, metrics: Iterable[str]) -> bool:
        """Whether each of these metrics has a value; all are undefined for predictions without contrast."""
        return all(math.isfinite(self.scores.get(metric, math.nan)) for metric in metrics)

    def by_clip(self, metric: str) -> pa.Table:
        """Return a metric's mean for each clip, as columns clip and mean; null where no frame has a score."""
        table = pa.table({"clip": self.frames["clip"], "value": _defined(self.frames[metric])})
        means = table.group_by("clip", use_threads=False).aggregate([("value", "mean")])
        return pa.table({"clip": means["clip"], "mean": means["value_mean"]})


def _mean(values: pa.ChunkedArray) -> float:
    mean = pc.mean(values).as_py()
    return math.nan if mean is None else mean


def _defined(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.if_else(pc.is_nan(values), None, values)
