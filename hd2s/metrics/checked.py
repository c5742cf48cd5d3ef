"""Whether a metric from outside the project is declared as it must be, and scores a frame at all."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np

from hd2s.checks import FLAG, FUNCTION, FUNCTION_OR_NONE, WORD, Rules, Wrong, broken
from hd2s.metrics.definitions import Metric, find_metric
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
_ROUNDING = 1e-6  # of an end of a metric's range, or of 1


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


def try_on_frames(name: str) -> None:
    """Score made-up frames by a metric that is known: what a test would end with is raised before it.

    A plain one, one without fixations, one whose prediction is the same everywhere, and one with an empty
    map.

    Raises:
        ValueError: it fails, changes what it is given, leaves its range, or scores otherwise each time.
    """
    height, width = _SIZE
    saliency = np.tile(np.add.outer(np.arange(height), np.arange(width)), (4, 1, 1)).astype(np.float32)
    truth = np.zeros((4, *_SIZE), np.uint8)
    truth[:3, 4:12, 8:20] = 200
    saliency[2] = 1
    points, others = np.array([[5, 9], [7, 12], [10, 18]]), np.array([[20, 3], [2, 30]])
    given = saliency, [points, points[:0], points, points], truth, [others] * 4
    found, again = (score_frames(*given, metrics=[name])[name] for _ in range(2))
    metric, scores = find_metric(name), found[~np.isnan(found)]
    low, high = (_ROUNDING * max(1.0, abs(end)) for end in (metric.low, metric.high))
    outside = np.isinf(scores) | (scores < metric.low - low) | (scores > metric.high + high)
    if outside.any():
        expected = f"numbers from {metric.low:g} to {metric.high:g}, or NaN"
        raise ValueError(f"metric {name}: expected {expected}, found {scores[outside][0]:g}")
    if not np.array_equal(found, again, equal_nan=True):
        raise ValueError(f"metric {name}: expected the same score of a frame each time, found another")
