"""Predictions that look at no pixel, for a trained model to beat."""

import numpy as np


def center_prior(height: int, width: int, spread: float = 0.2) -> np.ndarray:
    """Gaussian at the frame's centre, float32 (height, width), maximum below or equal to 1.

    Anisotropic: σ is `spread` times the side on each axis, so it has the frame's aspect ratio, as
    fixations on film have. The default, a fifth of each side, leaves 1 % of the height at the border.
    """
    rows = np.exp(-0.5 * (_centred(height) / (spread * height)) ** 2)
    columns = np.exp(-0.5 * (_centred(width) / (spread * width)) ** 2)
    return np.outer(rows, columns).astype(np.float32)


def _centred(n: int) -> np.ndarray:
    return np.arange(n) - (n - 1) / 2
