"""Whether two models differ: a paired bootstrap over test clips and seeds, and a paired test."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from grid.outputs.statistics.resampling import CONFIDENCE, interval

_REMEMBERED = 2048
# So many clips of which some are alike, or none apart: SciPy deals them all signs as well, one way after the
# other, which takes a second. Alike ones among more it approximates.
_DEALT = 13


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
    from scipy.stats import rankdata, wilcoxon  # noqa: PLC0415 - half a second, that --plan does without

    apart = differences[differences != 0]
    if len(differences) <= _DEALT and len(np.unique(np.abs(apart))) < len(differences):
        return _by_signs(rankdata(np.abs(apart)), apart > 0)
    return float(wilcoxon(differences).pvalue)


def _by_signs(ranks: np.ndarray, positive: np.ndarray) -> float:
    """Return the two-sided p of a sum of signed ranks over all ways to deal signs to them.

    Args:
        ranks: (n,) of the absolute differences; half ones where some are equal.
        positive: (n,) bool.
    """
    # How many ways lead to each sum, of whole numbers: one more rank is in it or not.
    doubled = np.rint(2 * ranks).astype(int)
    ways = np.zeros(doubled.sum() + 1, dtype=np.int64)
    ways[0] = 1
    for rank in doubled:
        ways[rank:] = ways[rank:] + ways[:-rank]
    found = doubled[positive].sum()
    extreme = min(ways[: found + 1].sum(), ways[found:].sum())
    return min(1.0, float(2 * extreme / 2 ** len(ranks)))
