"""A metric in one file: the share of fixations on the brightest tenth of the map."""

from __future__ import annotations

import math

import numpy as np

from hd2s.metrics.definitions import Metric
from hd2s.metrics.on_processor import Frame


def hits(frame: Frame) -> float:
    """Score one frame; NaN where nobody looked."""
    if not len(frame.fixated):
        return math.nan
    values = frame.saliency.values
    return float(np.mean(values[frame.fixated] >= np.quantile(values, 0.9)))


METRIC = Metric(name="hits", low=0.0, high=1.0, larger_is_better=True, of_frame=hits)
