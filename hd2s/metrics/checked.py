"""Whether a metric from outside the project is declared as it must be, and scores a frame at all."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np

from hd2s.checks import FLAG, FUNCTION, FUNCTION_OR_NONE, WORD, Rules, Wrong, broken
from hd2s.metrics.definitions import Metric
from hd2s.metrics.scores import score_frames

COLUMNS = {
    *("clip", "frame", "n_fixations"),  # of an evaluation's rows
    *("video", "frames"),  # of `python -m hd2s score`
    *("training", "test", "note"),  # of what a benchmark returned
    *("grid", "table", "sources", "target", "model", "approach", "variant", "point", "seed", "fold"),
    *("evaluation", "status", "best_kld", "n_clips", "n_frames"),  # with these, of `grid.results.read`
}
"""What columns beside those of metrics are called."""
_SIZE = (24, 32)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


_RULES: Rules = {
    "name": WORD,
    "low": ("a number", _is_number),
    "high": ("a number", _is_number),
    "larger_is_better": FLAG,
    "of_frame": FUNCTION,
    "of_batch": FUNCTION_OR_NONE,
}


def faults(metric: Any) -> Iterator[Wrong]:
    """Yield all that is wrong with what stands as a metric; it is not computed."""
    yield from [*broken(Metric, _RULES, metric)] or _of_sound_fields(metric)


def _of_sound_fields(metric: Metric) -> Iterator[Wrong]:
    if metric.name.lower() in COLUMNS:
        yield Wrong("name", "one that no other column of results has", repr(metric.name))
    if not metric.low < metric.high:
        yield Wrong("low", f"less than high, {metric.high:g}", f"{metric.low:g}")


def try_on_a_frame(name: str) -> None:
    """Score a made-up frame by a metric that is known; what it raises is what a test would have raised."""
    height, width = _SIZE
    saliency = np.add.outer(np.arange(height), np.arange(width)).astype(np.float32)
    truth = np.zeros(_SIZE, np.uint8)
    truth[4:12, 8:20] = 200
    points, others = np.array([[5, 9], [7, 12], [10, 18]]), np.array([[20, 3], [2, 30]])
    score_frames(saliency[None], [points], truth[None], [others], metrics=[name])
