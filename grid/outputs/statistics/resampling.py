"""Bootstrap intervals of what is computed from scores of clips, and of seeds where there are several."""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Callable

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 10_000
# Resamples drawn at once: bounds the memory for corpora of thousands of clips.
_AT_ONCE = 500

Statistic = Callable[[np.ndarray], np.ndarray]


def interval(scores: np.ndarray, statistic: Statistic, name: str) -> tuple[float, float]:
    """Return the 95 % interval of a statistic of means, bias-corrected and accelerated (BCa, Efron 1987).

    Clips are drawn with replacement, alike for all quantities and seeds; of several seeds these are drawn as
    well, each with all its clips, so that the interval covers both choices.

    Args:
        scores: (K, clips, seeds) of K quantities, finite.
        statistic: (…, K) means over clips and seeds → (…).
        name: seeds the draws, so that equal intervals come out equal wherever they are made.

    Returns:
        Both ends; the value itself twice where it is one whatever is drawn, NaN where it is undefined or
        there are fewer than two clips.
    """
    n_clips, n_seeds = scores.shape[1:]
    if n_clips < 2:
        return math.nan, math.nan
    value = float(statistic(scores.mean((1, 2))))
    if (scores == scores[:, :1, :1]).all():
        return value, value
    drawn = (np.arange(n_clips), np.arange(n_seeds))[: 1 if n_seeds == 1 else 2]

    def of_draw(*indices: np.ndarray, axis: int = -1) -> np.ndarray:
        del axis
        return statistic(_means(scores, *indices))

    # SciPy is half a second to import, that --plan does without.
    from scipy.stats import bootstrap  # noqa: PLC0415

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # Of a degenerate distribution, which is answered below.
        warnings.simplefilter("ignore")
        options = {"n_resamples": RESAMPLES, "batch": _AT_ONCE, "confidence_level": CONFIDENCE}
        found = bootstrap(drawn, of_draw, method="BCa", vectorized=True, rng=_random(name), **options)
        low, high = map(float, found.confidence_interval)
        if math.isnan(low) or math.isnan(high):
            # All clips alike but for rounding, or two of them: there is no acceleration.
            tail = (1 - CONFIDENCE) / 2
            low, high = map(float, np.quantile(found.bootstrap_distribution, (tail, 1 - tail)))
    return low, high


def _means(scores: np.ndarray, clips: np.ndarray, seeds: np.ndarray | None = None) -> np.ndarray:
    """Return (…, K) means of (K, clips, seeds) over draws of clips (…, n), and of seeds (…, m) in each."""
    n_quantities, n_clips, n_seeds = scores.shape
    # How often each clip was drawn: one product then serves all quantities and seeds.
    rows = clips.reshape(-1, clips.shape[-1])
    places = rows + n_clips * np.arange(len(rows))[:, None]
    counts = np.bincount(places.ravel(), minlength=n_clips * len(rows)).reshape(len(rows), n_clips)
    columns = scores.transpose(1, 0, 2).reshape(n_clips, -1)
    of_seeds = (counts @ columns / clips.shape[-1]).reshape(*clips.shape[:-1], n_quantities, n_seeds)
    if seeds is None:
        return of_seeds[..., 0]
    return np.take_along_axis(of_seeds, seeds[..., None, :], axis=-1).mean(axis=-1)


def _random(name: str) -> np.random.Generator:
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
