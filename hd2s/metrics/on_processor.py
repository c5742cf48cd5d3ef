"""The metrics of one frame on one processor core (definitions: `hd2s.metrics.scores`).

At 360×640 what costs is passing pixels through memory, and still more the memory of temporaries, which the
system takes back and hands out anew page by page. Hence few passes, into buffers that stay. Sums
are in float64; only the logarithm of KLD is in float32, which is ten times as fast and 1e-7 off at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hd2s.metrics.definitions import Array, Convention, Metric
from hd2s.metrics.image import Image
from hd2s.metrics.ranks import counts_at_least, sums_at_least
from hd2s.metrics.vectors import buffer, dot, ends_of_runs

# The benchmark's 0:0.1:max. It stops at the larger of the two samples' maxima, but a threshold above
# both adds the curve's corner (0, 0) once more, so all eleven can stand for every frame.
SHUFFLED_THRESHOLDS = np.arange(11) / 10
KLD_EPS = 2.2e-16
CHANCE = {"NSS": 0.0, "CC": 0.0, "AUC-J": 0.5, "s-AUC": 0.5}
"""What a prediction without contrast is worth: it knows nothing, and must not leave the mean for that."""
_FEW_POINTS = 500  # up to about this many are sorted in less time than it takes to search a frame for marks


def score(
    saliency: np.ndarray,
    fixations: Sequence[Array],
    maps: np.ndarray,
    others: Sequence[Array],
    *,
    metrics: Sequence[Metric],
    convention: Convention,
) -> np.ndarray:
    """Score N frames: float64 (metrics, N)."""
    scores = np.empty((len(metrics), len(saliency)))
    shared, negatives = None, None  # several frames often have the same other-fixations
    for i, values in enumerate(saliency):
        try:
            image = Image.of(values, buffer(0, values.size))
            truth = Image.of(maps[i], buffer(1, values.size))
            fixated = pixels(fixations[i], image.shape)
            if others[i] is not shared or negatives is None:
                shared, negatives = others[i], pixels(others[i], image.shape)
        except ValueError as error:
            raise ValueError(f"frame {i}: {error}") from error
        frame = Frame(image, truth, fixated, negatives, convention)
        scores[:, i] = [_score(metric, frame, i) for metric in metrics]
    return scores


def _score(metric: Metric, frame: Frame, i: int) -> float:
    """Score frame `i`; what goes wrong in a metric, perhaps somebody's own, is told with its name."""
    try:
        return float(metric.of_frame(frame))
    except MemoryError:
        raise  # no fault of the metric's
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        raise ValueError(f"frame {i}: metric {metric.name}: expected a number, found {found}") from error


@dataclass(frozen=True, slots=True)
class Frame:
    """Everything that a metric may be computed from."""

    saliency: Image
    truth: Image
    fixated: np.ndarray
    """Flat indices int64 (n,), each once."""
    others: np.ndarray
    """The same, of s-AUC's other-fixations."""
    convention: Convention


def nss(frame: Frame) -> float:
    """`hd2s.metrics.scores.nss`."""
    image, fixated = frame.saliency, frame.fixated
    if not len(fixated):
        return frame.convention.empty_nss
    if image.constant:
        return CHANCE["NSS"]
    n = image.values.size
    deviation = np.sqrt(image.spread / (n - 1))
    return float((image.shifted[fixated].mean() - image.total / n) / deviation)


def cc(frame: Frame) -> float:
    """`hd2s.metrics.scores.cc`."""
    image, truth = frame.saliency, frame.truth
    if truth.constant:
        return np.nan
    if image.constant:
        return CHANCE["CC"]
    joint = dot(image.shifted, truth.shifted) - image.total * truth.total / image.values.size
    return float(joint / np.sqrt(image.spread * truth.spread))


def sim(frame: Frame) -> float:
    """`hd2s.metrics.scores.sim`."""
    image, truth = frame.saliency, frame.truth
    if truth.constant and not truth.zero:
        return np.nan
    if image.zero or truth.zero:
        return 0.0
    if image.constant:
        return float(np.minimum(truth.shifted, truth.total / truth.values.size).sum() / truth.total)
    common = np.multiply(truth.shifted, image.total / truth.total, out=buffer(2, image.values.size))
    return float(np.minimum(common, image.shifted, out=common).sum() / image.total)


def auc_judd(frame: Frame) -> float:
    """`hd2s.metrics.scores.auc_judd`."""
    image, fixated = frame.saliency, frame.fixated
    n_pixels, n = image.values.size, len(fixated)
    if not 0 < n < n_pixels:
        return np.nan
    if image.constant:
        return CHANCE["AUC-J"]
    if frame.convention.auc_digits is None:
        total, of_the_least = sums_at_least(image, fixated)
        # The trapezoids in sum: each point's false positives weigh 1/n, but those of the last one half.
        false_positives = total - of_the_least / 2 - n * n / 2
        return 1 - false_positives / (n * (n_pixels - n))
    rank = np.arange(1, n + 1)
    above = counts_at_least(image, fixated)
    return area(rank / n, (above - rank) / (n_pixels - n), frame.convention)


def shuffled_auc(frame: Frame) -> float:
    """`hd2s.metrics.scores.shuffled_auc`."""
    image, fixated, others = frame.saliency, frame.fixated, frame.others
    if not len(fixated) or not len(others):
        return np.nan
    if image.constant:
        return CHANCE["s-AUC"]
    return shuffled_area(image.scaled(fixated), image.scaled(others), frame.convention)


def shuffled_area(hits: np.ndarray, negatives: np.ndarray, convention: Convention) -> float:
    """Area of s-AUC's curve, given the scaled values of both samples."""
    thresholds = SHUFFLED_THRESHOLDS[::-1]
    if not convention.shuffled_endpoint:
        thresholds = thresholds[thresholds < max(hits.max(), negatives.max())]
    true_positives, false_positives = (
        1.0 - np.searchsorted(np.sort(sample), thresholds) / len(sample) for sample in (hits, negatives)
    )
    return area(true_positives, false_positives, convention)


def area(true_positives: np.ndarray, false_positives: np.ndarray, convention: Convention) -> float:
    """Trapezoid under the curve from (0, 0) through the given points to (1, 1)."""
    tp, fp = (np.concatenate(([0.0], rates, [1.0])) for rates in (true_positives, false_positives))
    if convention.auc_digits is not None:
        tp, fp = tp.round(convention.auc_digits), fp.round(convention.auc_digits)
    return float(np.trapezoid(tp, fp))


def kld(frame: Frame) -> float:
    """`hd2s.metrics.scores.kld`."""
    if frame.truth.high <= 0:
        return np.nan
    n = frame.saliency.values.size
    p, q = np.split(buffer(2, n).view(np.float32), 2)
    for image, out in ((frame.saliency, p), (frame.truth, q)):
        _mean_normalised(image, out)
    p += KLD_EPS * n
    np.divide(q, p, out=p)
    p += KLD_EPS
    return dot(q, np.log(p, out=p)) / n


def _mean_normalised(image: Image, out: np.ndarray) -> None:
    """Write the map, negative values as 0, over its mean: near 1, where float32 has the most decimals."""
    if image.unit == 1:
        np.copyto(out, image.values, casting="unsafe")
    else:  # float64 values may lie beyond float32
        np.divide(image.values, image.unit, out=out, casting="unsafe")
    if image.low < 0:
        total = float(np.maximum(out, 0, out=out).sum())
    else:
        total = image.total + image.low / image.unit * out.size
    if total:
        out *= out.size / total


def pixels(points: Array, shape: tuple[int, int]) -> np.ndarray:
    """Flat indices int64 (n,), each once, of a bool (H, W) mask or of integer (n, 2) points (y, x)."""
    points = as_numpy(points)
    if points.dtype == bool and points.shape == shape:
        return np.flatnonzero(points)
    if points.size == 0:
        return np.empty(0, np.int64)
    if points.ndim != 2 or points.shape[1] != 2 or not np.issubdtype(points.dtype, np.integer):
        raise ValueError(
            f"expected fixations as bool {shape} or integer (n, 2) of (y, x), found {points.dtype} "
            f"{points.shape}; pass an image of fixations as `image > 0`"
        )
    y, x = points.T
    outside = (y < 0) | (y >= shape[0]) | (x < 0) | (x >= shape[1])
    if outside.any():
        raise ValueError(f"fixation (y, x) = {tuple(points[outside][0].tolist())} outside the map {shape}")
    if len(points) < _FEW_POINTS:
        flat = np.sort(y.astype(np.int64) * shape[1] + x)
        return flat[ends_of_runs(flat)]
    mask = np.zeros(shape, dtype=bool)  # a set of many by marking them
    mask[y, x] = True
    return np.flatnonzero(mask)


def as_numpy(array: Array) -> np.ndarray:
    """Return a tensor or array as NumPy's."""
    if hasattr(array, "detach"):  # a torch tensor, known without loading torch
        array = array.detach().cpu()
        array = array.float() if str(array.dtype) == "torch.bfloat16" else array  # NumPy has none
    return np.asarray(array)
