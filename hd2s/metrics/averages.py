"""How scores of frames become one number: as benchmarks do, the mean over frames, undefined ones left out."""

from __future__ import annotations

import math

import numpy as np


def mean_of_defined(scores: np.ndarray) -> float:
    """Return the mean of float64 (n,) without its NaN; NaN where nothing else is there.

    The sum is exact before it is rounded once: whoever adds up the same scores, in whatever order, has the
    same number to the last bit.
    """
    defined = scores[~np.isnan(scores)]
    return math.fsum(defined.tolist()) / len(defined) if len(defined) else math.nan
