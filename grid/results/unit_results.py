"""What trainings and evaluations have to say that are finished, and trainings that were stopped early."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grid.plan import Plan, Row
from grid.results import output_folder
from grid.results.checks import FRAME_SCHEMA
from grid.results.files import write_text
from grid.results.storage import Storage
from hd2s.metrics.averages import mean_of_defined

CURVE_SCHEMA = pa.schema([("step", pa.int64()), ("name", pa.string()), ("value", pa.float64())])
"""The columns of a training's curve: a row for each value of each step."""

_OWNER = "training"


def checkpoints(summary: Mapping[str, Any]) -> dict[str, str]:
    """Return where a training's weights are, its own and what else has chosen some: name → digest, or ""."""
    chosen = (summary, *summary.get("kept", {}).values())
    return {str(each.get("checkpoint", "")): str(each.get("weights", "")) for each in chosen}


@dataclass(frozen=True)
class TrainingResult:
    """A finished training: its curve, rows of step, name and value, and its summary."""

    id: str
    curve: list[Row]
    summary: dict[str, Any]

    def validation_kld(self, chosen: str = "") -> float | None:
        """Return the loss that chose its weights, or those of another criterion, if it has kept them."""
        if chosen:
            return self.summary.get("kept", {}).get(chosen, {}).get("kld")
        return self.summary["best_kld"]

    def digest(self, chosen: str = "") -> str:
        """Return the digest of its weights, or of those of another criterion; "" where it is not known."""
        kept = self.summary.get("kept", {}).get(chosen, {}) if chosen else self.summary
        return str(kept.get("weights", ""))


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
        return {name: mean_of_defined(self.frames[name].to_numpy()) for name in self.metrics}

    @cached_property
    def per_video(self) -> dict[str, float]:
        """Each metric's mean over the means of clips, so that long clips weigh no more than short ones."""
        return {name: mean_of_defined(self._clip_means(name)) for name in self.metrics}

    def has_values(self, metrics: Iterable[str]) -> bool:
        """Whether each of these metrics has a value: one that was scored, and that some frame has."""
        return all(math.isfinite(self.scores.get(metric, math.nan)) for metric in metrics)

    def by_clip(self, metric: str) -> pa.Table:
        """Return a metric's mean for each clip, and of how many frames it is.

        Returns:
            Columns clip, mean (null where no frame has a score) and frames.
        """
        clips, rows = self._rows_of_clips
        defined = np.isfinite(self.frames[metric].to_numpy())
        return pa.table(
            {
                "clip": clips,
                "mean": pa.array(self._clip_means(metric), from_pandas=True),
                "frames": [int(defined[of].sum()) for of in rows],
            }
        )

    def _clip_means(self, metric: str) -> np.ndarray:
        values = self.frames[metric].to_numpy()
        return np.array([mean_of_defined(values[rows]) for rows in self._rows_of_clips[1]])

    @cached_property
    def _rows_of_clips(self) -> tuple[list[str], list[np.ndarray]]:
        """The clips in order of first appearance, and which rows are of each."""
        clips = self.frames["clip"].combine_chunks().dictionary_encode()
        order = np.argsort(clips.indices.to_numpy(), kind="stable")
        counts = np.bincount(clips.indices.to_numpy(), minlength=len(clips.dictionary))
        return clips.dictionary.to_pylist(), np.split(order, counts.cumsum()[:-1])


class Stopped(NamedTuple):
    """Where a training was stopped: after how many of its iterations, at which validation KLD."""

    step: int
    iterations: int
    kld: float

    @property
    def words(self) -> str:
        """Say it to people."""
        return f"after {self.step:,} of {self.iterations:,} iterations, at a validation KLD of {self.kld:.3f}"


class Stops:
    """What was stopped early: neither done nor failed, and left alone while that is wished.

    Args:
        out: the folder.
        storage: whose local side that is.
        may_stop: training or evaluation → the training that may be stopped. What else was stopped once does
            not count any more: it is to go on.
    """

    def __init__(self, out: Path, storage: Storage, may_stop: Mapping[str, str]) -> None:
        self._out, self._storage, self._may_stop = out, storage, may_stop

    def of(self, unit: str) -> Stopped | None:
        """Say where a training, or that of an evaluation, was stopped; None where it was not.

        A record that is damaged or another's stops nothing: the training goes on, and may be stopped again.
        """
        if unit not in self._may_stop:
            return None
        training = self._may_stop[unit]
        try:
            found = json.loads((self._out / output_folder.stopped(training)).read_text(encoding="utf-8"))
            stopped = Stopped(int(found["step"]), int(found["iterations"]), float(found["kld"]))
            # Those of before they said whose they are count as their names say.
            return stopped if found.get(_OWNER, training) == training else None
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None

    def write(self, training: str, stopped: Stopped) -> None:
        """Record that a training is stopped, which its workers look for.

        Raises:
            OSError: the storage does not take it.
            ProblemError: there is no room for it.
        """
        name = output_folder.stopped(training)
        write_text(self._out / name, json.dumps({_OWNER: training, **stopped._asdict()}))
        self._storage.publish(name)

    def clear(self, training: str) -> None:
        """Forget that a training was stopped."""
        if (self._out / output_folder.stopped(training)).exists():
            self._storage.delete(output_folder.stopped(training))

    def clear_unwished(self, plan: Plan) -> None:
        """Forget what stops nothing (any more): no later wish finds it, and no worker takes it for a stop."""
        for training in plan.trainings:
            if self.of(training) is None:
                self.clear(training)
