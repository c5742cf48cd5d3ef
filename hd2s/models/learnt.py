"""What of a model's weights says something by itself, as figures show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Learnt:
    """What a model has learnt, for one of its domains.

    Attributes:
        fusion: auxiliary map, by its name in `Prediction.auxiliary`, the shallowest first → its weight in the
            fusion, before what follows it (HD2S Fig. 5).
        priors: where they stand → Gaussians (K, 2, 2): map; y or x; μ or σ, in shares of the map's side.
        smoothing: the filter behind the map, float (S, S), in pixels of the model's input; None without.
        sigma: the filter's width in these pixels, as it is learnt, or its standard deviation along a side.
    """

    fusion: Mapping[str, float] = field(default_factory=dict)
    priors: Mapping[str, np.ndarray] = field(default_factory=dict)
    smoothing: np.ndarray | None = None
    sigma: float | None = None


def deviation(kernel: np.ndarray) -> float | None:
    """Return the standard deviation of a filter (S, S) along its sides, in pixels, the mean of both.

    A free filter may hold negative values; one without a variance has none.
    """
    offsets = np.arange(len(kernel)) - len(kernel) // 2
    total = kernel.sum()
    if not total > 0:
        return None
    variances = [(kernel.sum(1 - axis) * offsets**2).sum() / total for axis in (0, 1)]
    means = [(kernel.sum(1 - axis) * offsets).sum() / total for axis in (0, 1)]
    variance = float(np.mean([v - m**2 for v, m in zip(variances, means, strict=True)]))
    return variance**0.5 if variance > 0 else None
