"""Whether two models differ: a paired bootstrap over test clips and a paired test."""

from __future__ import annotations

import hashlib
import math
from typing import NamedTuple

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 10_000
# Resamples drawn at once: bounds the memory for corpora of thousands of clips.
_AT_ONCE = 500


class Comparison(NamedTuple):
    """How far two models lie apart; NaN where that is undefined.

    Attributes:
        n_clips: the clips compared.
        difference: mean over clips.
        low: end of the confidence interval.
        high: end of the confidence interval.
        p: of the two-sided Wilcoxon signed-rank test.
    """

    n_clips: int
    difference: float
    low: float
    high: float
    p: float

    @property
    def apart(self) -> bool:
        """Whether both say so: of few clips the interval is too narrow, and the test knows."""
        return (self.low > 0 or self.high < 0) and self.p < 1 - CONFIDENCE


def compare(differences: np.ndarray, name: str) -> Comparison:
    """Compare two models by their differences on each clip.

    Without clips nothing is defined, with one clip neither interval nor test are. If all clips agree, the
    interval is that one value; if none of them differs at all, p is 1.

    Args:
        differences: for each clip, one model minus the other; finite.
        name: seeds the bootstrap, so that equal comparisons come out equal wherever they are made.
    """
    n = len(differences)
    difference = float(differences.mean()) if n else math.nan
    if n < 2:
        return Comparison(n, difference, math.nan, math.nan, math.nan)
    low, high = _interval(differences, name)
    from scipy.stats import wilcoxon  # noqa: PLC0415 - half a second, that --plan does without

    p = float(wilcoxon(differences).pvalue) if differences.any() else 1.0
    return Comparison(n, difference, low, high, p)


def _interval(differences: np.ndarray, name: str) -> tuple[float, float]:
    """Percentile bootstrap of the mean: clips drawn with replacement."""
    n = len(differences)
    digest = hashlib.sha256(name.encode()).digest()
    random = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    means = [
        differences[random.integers(n, size=(_AT_ONCE, n), dtype=np.int32)].mean(axis=1)
        for _ in range(RESAMPLES // _AT_ONCE)
    ]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.concatenate(means), (tail, 1 - tail))
    return float(low), float(high)
