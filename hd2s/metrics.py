"""NSS, CC, SIM, AUC-J, s-AUC as the DHF1K benchmark computes them, and KLD, one frame at a time.

All five benchmark metrics are unchanged when a prediction is shifted or scaled, so each frame is
min–max scaled once (float64) and everything is read off that: no threshold loop, no random splits.

A score is NaN when it is undefined; the benchmark drops such frames from its mean. Degenerate cases:

================================  =====  =====  =====  =====  =====  ==========================
case                              NSS    CC     SIM    AUC-J  s-AUC  KLD
================================  =====  =====  =====  =====  =====  ==========================
no fixation                       NaN    .      .      NaN    NaN    .
no other-fixation                 .      .      .      .      NaN    .
prediction constant, not zero     NaN    NaN    NaN    NaN    NaN    that of a uniform map
prediction all zero               NaN    NaN    0      NaN    NaN    finite, large (0 everywhere)
map constant, not zero            .      NaN    NaN    .      .      .
map all zero                      .      NaN    0 (*)  .      .      NaN
every pixel fixated               0      .      .      NaN    .      .
================================  =====  =====  =====  =====  =====  ==========================

(.) regular; (*) NaN when the other one is constant and not zero. One fixation and tied values are regular.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import torch

METRICS = ("NSS", "CC", "SIM", "AUC-J", "s-AUC", "KLD")

Array: TypeAlias = "np.ndarray | torch.Tensor"

# The benchmark's 0:0.1:max. It stops at the larger of the two samples' maxima, but a threshold above
# both adds the curve's corner (0, 0) once more, so all eleven can stand for every frame.
_SHUFFLED_THRESHOLDS = np.arange(11) / 10
_KLD_EPS = 2.2e-16
_BUCKETS = 1 << 14


def score_frames(
    saliency: Array,
    fixations: Array | Sequence[Array],
    maps: Array,
    other_fixations: Array | Sequence[Array],
) -> dict[str, np.ndarray]:
    """All six metrics of N frames, each float64 (N,); NaN where undefined (see the module).

    `saliency` (N, H, W): predictions at the fixation maps' size, any real dtype; as the benchmark sees
    them after `hd2s.benchmark.as_benchmark_image`. `maps` (N, H, W): continuous ground truth, any scale.
    `fixations`: bool (N, H, W), or N integer arrays (n, 2) of (y, x). `other_fixations` (s-AUC's
    negatives): the same, or one bool (H, W) or one integer (m, 2) for all frames. Pixels count once.

    Raises ValueError naming the frame for unequal sizes, points outside the frame, non-finite values.
    """
    saliency, maps = _numpy(saliency), _numpy(maps)
    if saliency.ndim != 3 or saliency.shape != maps.shape:
        raise ValueError(
            f"score_frames: expected saliency and maps of one shape (N, H, W), found {saliency.shape} and "
            f"{maps.shape}; resize the predictions to the maps' size first"
        )
    fixated = _per_frame(fixations, len(saliency), "fixations")
    others = _per_frame(other_fixations, len(saliency), "other_fixations")
    scores = np.empty((len(METRICS), len(saliency)))
    for i in range(len(saliency)):
        try:
            scores[:, i] = _score_frame(saliency[i], fixated[i], maps[i], others[i])
        except ValueError as error:
            raise ValueError(f"frame {i}: {error}") from error
    return dict(zip(METRICS, scores, strict=True))


def nss(saliency: Array, fixations: Array) -> float:
    """Normalised scanpath saliency: mean z-score (N−1 in the deviation) at the fixated pixels."""
    frame = _Frame.of(saliency)
    return _nss(frame, _pixels(fixations, frame.shape))


def cc(saliency: Array, fixation_map: Array) -> float:
    """Pearson's correlation of the two maps (H, W)."""
    return _cc(_Frame.of(saliency), _Frame.of(fixation_map))


def sim(saliency: Array, fixation_map: Array) -> float:
    """Histogram intersection of the two maps (H, W), each min–max scaled and divided by its sum."""
    return _sim(_Frame.of(saliency), _Frame.of(fixation_map))


def auc_judd(saliency: Array, fixations: Array) -> float:
    """Area under the curve by Judd, without jitter.

    Thresholds are the n fixated values in descending order, tp = i/n, fp = (#{P ≥ tᵢ} − i)/(N − n).
    Tied fixated values keep their ranks i, exactly as in the benchmark.
    """
    frame = _Frame.of(saliency)
    return _auc_judd(frame, _pixels(fixations, frame.shape))


def shuffled_auc(saliency: Array, fixations: Array, other_fixations: Array) -> float:
    """Shuffled AUC (Borji style): the exact mean of the benchmark's random draws.

    The benchmark draws min(n, m) of the m other-fixations 100 times and averages the areas. tp does
    not depend on the draw and the area is linear in fp, whose expectation over draws is the share of
    all m other-fixations at or above the threshold: no drawing is needed and no noise is left.
    """
    frame = _Frame.of(saliency)
    return _shuffled_auc(frame, _pixels(fixations, frame.shape), _pixels(other_fixations, frame.shape))


def shuffled_auc_sampled(
    saliency: Array, fixations: Array, other_fixations: Array, *, draws: int = 100, seed: int = 0
) -> float:
    """Mean area over `draws` random draws, the benchmark's own s-AUC; for checking `shuffled_auc`."""
    frame = _Frame.of(saliency)
    fixated, others = (_pixels(points, frame.shape) for points in (fixations, other_fixations))
    if frame.scaled is None or not len(fixated) or not len(others):
        return np.nan
    generator = np.random.default_rng(seed)
    hits, negatives = frame.scaled[fixated], frame.scaled[others]
    size = min(len(hits), len(negatives))
    areas = [_sampled_area(hits, generator.choice(negatives, size, replace=False)) for _ in range(draws)]
    return float(np.mean(areas))


def kld(saliency: Array, fixation_map: Array) -> float:
    """Kullback–Leibler divergence Σ q·log(ε + q/(ε + p)) of sum-normalised maps, ε = 2.2e−16 (nats).

    As in the training loss; negative predictions (bicubic overshoot) count as zero.
    """
    return _kld(_Frame.of(saliency), _Frame.of(fixation_map))


@dataclass(frozen=True, slots=True)
class _Frame:
    """One map, prepared once for all metrics."""

    shape: tuple[int, int]
    values: np.ndarray  # (H*W,) as given
    scaled: np.ndarray | None  # (H*W,) float64, min–max scaled to [0, 1]; None if constant
    total: float  # sum and sum of squares of `scaled`
    square: float
    is_zero: bool

    @classmethod
    def of(cls, image: Array) -> _Frame:
        image = _numpy(image)
        values = image.reshape(-1)
        low, high = float(values.min()), float(values.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError("expected a finite map, found NaN or infinity; check the model's output")
        if low == high:
            return cls(image.shape, values, None, 0.0, 0.0, low == 0)
        scaled = values.astype(np.float64)
        scaled -= low
        scaled /= high - low
        return cls(image.shape, values, scaled, scaled.sum(), scaled @ scaled, False)

    @property
    def spread(self) -> float:
        """Sum of squared deviations. The minimum being 0, the plain moments lose no digits that count."""
        return self.square - self.total * self.total / self.scaled.size


def _score_frame(
    saliency: np.ndarray, fixations: Array, fixation_map: np.ndarray, others: Array
) -> tuple[float, ...]:
    frame, truth = _Frame.of(saliency), _Frame.of(fixation_map)
    fixated, negatives = _pixels(fixations, frame.shape), _pixels(others, frame.shape)
    return (
        _nss(frame, fixated),
        _cc(frame, truth),
        _sim(frame, truth),
        _auc_judd(frame, fixated),
        _shuffled_auc(frame, fixated, negatives),
        _kld(frame, truth),
    )


def _nss(frame: _Frame, fixated: np.ndarray) -> float:
    if frame.scaled is None or not len(fixated):
        return np.nan
    n = frame.scaled.size
    deviation = np.sqrt(frame.spread / (n - 1))
    return float((frame.scaled[fixated].mean() - frame.total / n) / deviation)


def _cc(frame: _Frame, truth: _Frame) -> float:
    if frame.scaled is None or truth.scaled is None:
        return np.nan
    joint = frame.scaled @ truth.scaled - frame.total * truth.total / frame.scaled.size
    return float(joint / np.sqrt(frame.spread * truth.spread))


def _sim(frame: _Frame, truth: _Frame) -> float:
    if any(each.scaled is None and not each.is_zero for each in (frame, truth)):
        return np.nan
    if frame.is_zero or truth.is_zero:
        return 0.0
    shared = truth.scaled * (frame.total / truth.total)
    return float(np.minimum(shared, frame.scaled, out=shared).sum() / frame.total)


def _auc_judd(frame: _Frame, fixated: np.ndarray) -> float:
    if frame.scaled is None or not 0 < len(fixated) < frame.scaled.size:
        return np.nan
    thresholds = np.sort(frame.scaled[fixated])[::-1]
    n = len(thresholds)
    rank = np.arange(1, n + 1)
    false_positives = (_count_at_least(frame.scaled, thresholds) - rank) / (frame.scaled.size - n)
    return _area(rank / n, false_positives)


def _count_at_least(values: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """#{values ≥ t} for each t, exactly; values in [0, 1], every t one of them.

    Values are counted into buckets, and only those sharing a bucket with a threshold are sorted. One
    sort of everything would be shorter to write, but costs 1 to 6 ms per frame depending on how the
    processor sorts vectors (360×640 on one Zen 4 core: 6 ms with NumPy's AVX-512 sort, 1 ms with AVX2).
    """
    bucket = (values * (_BUCKETS - 1)).astype(np.int64)
    threshold_bucket = (thresholds * (_BUCKETS - 1)).astype(np.int64)
    far = np.bincount(bucket, minlength=_BUCKETS)
    far[threshold_bucket] = 0
    shared = np.zeros(_BUCKETS, dtype=bool)
    shared[threshold_bucket] = True
    near = np.sort(values[shared[bucket]])
    higher = far[::-1].cumsum()[::-1]
    return higher[threshold_bucket] + near.size - np.searchsorted(near, thresholds)


def _shuffled_auc(frame: _Frame, fixated: np.ndarray, others: np.ndarray) -> float:
    if frame.scaled is None or not len(fixated) or not len(others):
        return np.nan
    return _sampled_area(frame.scaled[fixated], frame.scaled[others])


def _sampled_area(hits: np.ndarray, negatives: np.ndarray) -> float:
    thresholds = _SHUFFLED_THRESHOLDS[::-1]
    rates = [1.0 - np.searchsorted(np.sort(sample), thresholds) / len(sample) for sample in (hits, negatives)]
    return _area(*rates)


def _area(true_positives: np.ndarray, false_positives: np.ndarray) -> float:
    """Trapezoid under the curve from (0, 0) through the given points to (1, 1)."""
    tp, fp = (np.concatenate(([0.0], rates, [1.0])) for rates in (true_positives, false_positives))
    return float(np.trapezoid(tp, fp))


def _kld(frame: _Frame, truth: _Frame) -> float:
    if truth.is_zero:
        return np.nan
    p, q = (_sum_normalised(each.values) for each in (frame, truth))
    # Float32, because the logarithm is the cost (ten times dearer in float64): 1e-7 off at most.
    return float((q * np.log(_KLD_EPS + q / (_KLD_EPS + p))).sum())


def _sum_normalised(values: np.ndarray) -> np.ndarray:
    values = np.maximum(values, 0).astype(np.float32, copy=False)
    total = float(values.sum())
    return values / total if total > 0 else values


def _pixels(points: Array, shape: tuple[int, int]) -> np.ndarray:
    """Flat indices int64 (n,), each once, of a bool (H, W) mask or of integer (n, 2) points (y, x)."""
    points = _numpy(points)
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
    mask = np.zeros(shape, dtype=bool)  # a set of pixels by marking them: several times faster than sorting
    mask[y, x] = True
    return np.flatnonzero(mask)


def _per_frame(points: Array | Sequence[Array], n_frames: int, name: str) -> Sequence[Array]:
    if getattr(points, "ndim", None) == 2:
        return [points] * n_frames
    if len(points) != n_frames:
        raise ValueError(f"score_frames: expected {name} of {n_frames} frames, found {len(points)}")
    return points


def _numpy(array: Array) -> np.ndarray:
    if hasattr(array, "detach"):  # a torch tensor, known without loading torch
        array = array.detach().cpu()
        array = array.float() if str(array.dtype) == "torch.bfloat16" else array  # NumPy has none
    return np.asarray(array)
