"""Losses written out pixel by pixel: what the project's own are checked against."""

import math

import numpy as np


def plain_kld(prediction: np.ndarray, target: np.ndarray) -> float:
    """Eq. 1's inner sum; G log G tends to 0 with G."""
    prediction, target = prediction / prediction.sum(), target / target.sum()
    pairs = zip(prediction.ravel().tolist(), target.ravel().tolist(), strict=True)
    return sum(g * math.log(g / p) for p, g in pairs if g > 0)
