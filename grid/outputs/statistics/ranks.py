"""Methods ranked over several data sets (Demšar, JMLR 2006)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

ALPHA = 0.05


class Ranking(NamedTuple):
    """How methods stand over data sets.

    Attributes:
        mean_ranks: (methods,), 1 being the best; equal values share the mean of their ranks.
        p: of Friedman's test that all are alike; NaN below three methods or two data sets.
        critical_difference: of mean ranks, above which two methods differ at 5 % (Nemenyi); NaN likewise.
    """

    mean_ranks: np.ndarray
    p: float
    critical_difference: float


def rank(values: np.ndarray, *, larger_is_better: bool) -> Ranking:
    """Rank methods.

    Args:
        values: (data sets, methods), finite.
        larger_is_better: what the values mean.
    """
    from scipy.stats import friedmanchisquare, rankdata, studentized_range  # noqa: PLC0415 - see paired

    n, k = values.shape
    ranks = rankdata(-values if larger_is_better else values, axis=1)
    if n < 2 or k < 3:
        return Ranking(ranks.mean(axis=0), math.nan, math.nan)
    alike = bool((ranks == ranks[0, 0]).all())
    p = 1.0 if alike else float(friedmanchisquare(*ranks.T).pvalue)
    quantile = float(studentized_range.ppf(1 - ALPHA, k, math.inf)) / math.sqrt(2)
    return Ranking(ranks.mean(axis=0), p, quantile * math.sqrt(k * (k + 1) / (6 * n)))
