"""p-values corrected for there being many of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def holm(p: np.ndarray) -> np.ndarray:
    """Correct (n,) p-values by Holm (1979), which bounds the chance of one false discovery among them.

    Each is multiplied by how many are not smaller, and is at least the one before it. NaN stays, and does not
    count.
    """
    return _corrected(p, _holm)


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """Correct (n,) p-values by Benjamini and Hochberg (1995), who bound the share of false discoveries.

    NaN stays, and does not count.
    """
    from scipy.stats import false_discovery_control  # noqa: PLC0415 - half a second, that --plan does without

    return _corrected(p, false_discovery_control)


def _holm(p: np.ndarray) -> np.ndarray:
    order = np.argsort(p)
    scaled = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return np.minimum(scaled, 1)[np.argsort(order)]


def _corrected(p: np.ndarray, correct: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    found, defined = np.array(p, dtype=float), ~np.isnan(p)
    if defined.any():
        found[defined] = correct(found[defined])
    return found
