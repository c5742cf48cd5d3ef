"""Whether two models differ: a paired bootstrap over test clips and seeds, and a paired test."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from grid.outputs.statistics.resampling import CONFIDENCE, interval

_REMEMBERED = 2048


class Comparison(NamedTuple):
    """How far two models lie apart; NaN where that is undefined.

    Attributes:
        n_clips: the clips compared.
        difference: mean over clips and seeds.
        low: end of the confidence interval.
        high: end of the confidence interval.
        p: of the two-sided Wilcoxon signed-rank test over clips, each the mean over its seeds.
        p_holm: the same, corrected for the other comparisons of the table (Holm 1979).
        p_fdr: the same by Benjamini and Hochberg (1995): bounds the share of false discoveries.
    """

    n_clips: int
    difference: float
    low: float
    high: float
    p: float
    p_holm: float = math.nan
    p_fdr: float = math.nan

    @property
    def apart(self) -> bool:
        """Whether both say so: of few clips the interval is too narrow, and the test knows."""
        return (self.low > 0 or self.high < 0) and self.p_holm < 1 - CONFIDENCE


def compare(differences: np.ndarray, name: str) -> Comparison:
    """Compare two models by their differences on each clip.

    Without clips nothing is defined, with one clip neither interval nor test are. If all clips agree, the
    interval is that one value; if none of them differs at all, p is 1.

    Args:
        differences: (clips, seeds), one model minus the other; finite.
        name: seeds the bootstrap, so that equal comparisons come out equal wherever they are made.
    """
    return _compare(np.asarray(differences, dtype=float).tobytes(), differences.shape, name)


# Tables, MLflow and the report ask for the same ones, which take seconds for corpora of thousands of clips.
@lru_cache(maxsize=_REMEMBERED)
def _compare(content: bytes, shape: tuple[int, ...], name: str) -> Comparison:
    differences = np.frombuffer(content).reshape(shape)
    n = len(differences)
    if not n:
        return Comparison(0, *[math.nan] * 4)
    low, high = interval(differences[None], lambda means: means[..., 0], name)
    return Comparison(n, float(differences.mean()), low, high, _wilcoxon(differences.mean(axis=1)))


def _wilcoxon(differences: np.ndarray) -> float:
    if len(differences) < 2:
        return math.nan
    if not differences.any():
        return 1.0
    from scipy.stats import wilcoxon  # noqa: PLC0415 - half a second, that --plan does without

    return float(wilcoxon(differences).pvalue)
