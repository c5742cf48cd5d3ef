"""NSS, CC, SIM, AUC-J, s-AUC as the DHF1K benchmark computes them, and KLD.

Pure functions of arrays: NumPy arrays and tensors on the processor one frame at a time
(`hd2s.metrics.on_processor`), tensors on a GPU in batches (`hd2s.metrics.on_gpu`). No threshold loop and no
random splits.
How scores of frames become one number (over frames, NaN dropped) is the caller's.

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

from hd2s.metrics import on_processor as plain

if TYPE_CHECKING:
    import torch

METRICS = ("NSS", "CC", "SIM", "AUC-J", "s-AUC", "KLD")

Array: TypeAlias = "np.ndarray | torch.Tensor"


@dataclass(frozen=True)
class Convention:
    """Where Python ports of the metrics depart from the benchmark's code, whose choices are the defaults.

    `empty_nss`: NSS of a frame without fixations; the benchmark drops such frames (NaN), UNISAL's code
    counts 1.0, ViNet++'s 0.
    `auc_digits`: decimals to which the rates of AUC-J's and s-AUC's curves are rounded; some ports keep 4.
    `shuffled_endpoint`: s-AUC's thresholds 0:0.1:max with `max`; ports by `numpy.arange` lose it.
    """

    empty_nss: float = float("nan")
    auc_digits: int | None = None
    shuffled_endpoint: bool = True


BENCHMARK = Convention()


def score_frames(
    saliency: Array,
    fixations: Array | Sequence[Array],
    maps: Array,
    other_fixations: Array | Sequence[Array],
    *,
    metrics: Sequence[str] = METRICS,
    convention: Convention = BENCHMARK,
) -> dict[str, Array]:
    """Metrics of N frames, by default all six: each float64 (N,), NaN where undefined (see the module).

    `saliency` (N, H, W): predictions at the fixation maps' size, any real dtype; as the benchmark sees
    them after `hd2s.metrics.benchmark.as_benchmark_image`. `maps` (N, H, W): continuous ground truth, any
    scale. `fixations`: bool (N, H, W), or N integer arrays (n, 2) of (y, x). `other_fixations` (s-AUC's
    negatives): the same, or one bool (H, W) or one integer (m, 2) for all frames. Pixels count once.

    Arrays are returned as `saliency` came: NumPy's, or tensors on its device.

    Raises ValueError naming the frame for unequal sizes, points outside the frame, non-finite values.
    """
    if saliency.ndim != 3 or saliency.shape != maps.shape:
        raise ValueError(
            f"score_frames: expected saliency and maps of one shape (N, H, W), found {tuple(saliency.shape)} "
            f"and {tuple(maps.shape)}; resize the predictions to the maps' size first"
        )
    n_frames = len(saliency)
    fixated = _per_frame(fixations, n_frames, "fixations")
    others = _per_frame(other_fixations, n_frames, "other_fixations")
    options = {"metrics": metrics, "convention": convention}
    if getattr(saliency, "is_cuda", False):
        from hd2s.metrics import on_gpu as metrics_torch  # noqa: PLC0415 - who scores NumPy arrays needs no torch

        scores = metrics_torch.score(saliency, fixated, maps, others, **options)
    else:
        scores = plain.score(plain.as_numpy(saliency), fixated, plain.as_numpy(maps), others, **options)
        scores = scores if isinstance(saliency, np.ndarray) else saliency.new_tensor(scores, dtype=_float64())
    return dict(zip(metrics, scores, strict=True))


def nss(saliency: Array, fixations: Array, *, convention: Convention = BENCHMARK) -> float:
    """Normalised scanpath saliency: mean z-score (N−1 in the deviation) at the fixated pixels."""
    frame = plain.Image.of(plain.as_numpy(saliency))
    return plain.nss(frame, plain.pixels(fixations, frame.shape), convention)


def cc(saliency: Array, fixation_map: Array) -> float:
    """Pearson's correlation of the two maps (H, W)."""
    return plain.cc(*(plain.Image.of(plain.as_numpy(each)) for each in (saliency, fixation_map)))


def sim(saliency: Array, fixation_map: Array) -> float:
    """Histogram intersection of the two maps (H, W), each min–max scaled and divided by its sum."""
    return plain.sim(*(plain.Image.of(plain.as_numpy(each)) for each in (saliency, fixation_map)))


def auc_judd(saliency: Array, fixations: Array, *, convention: Convention = BENCHMARK) -> float:
    """Area under the curve by Judd, without jitter.

    Thresholds are the n fixated values in descending order, tp = i/n, fp = (#{P ≥ tᵢ} − i)/(N − n).
    Tied fixated values keep their ranks i, exactly as in the benchmark.
    """
    frame = plain.Image.of(plain.as_numpy(saliency))
    return plain.auc_judd(frame, plain.pixels(fixations, frame.shape), convention)


def shuffled_auc(
    saliency: Array, fixations: Array, other_fixations: Array, *, convention: Convention = BENCHMARK
) -> float:
    """Shuffled AUC (Borji style): the exact mean of the benchmark's random draws.

    The benchmark draws min(n, m) of the m other-fixations 100 times and averages the areas. tp does
    not depend on the draw and the area is linear in fp, whose expectation over draws is the share of
    all m other-fixations at or above the threshold: no drawing is needed and no noise is left.
    """
    frame = plain.Image.of(plain.as_numpy(saliency))
    points = (plain.pixels(each, frame.shape) for each in (fixations, other_fixations))
    return plain.shuffled_auc(frame, *points, convention)


def shuffled_auc_sampled(
    saliency: Array,
    fixations: Array,
    other_fixations: Array,
    *,
    draws: int = 100,
    seed: int = 0,
    convention: Convention = BENCHMARK,
) -> float:
    """Mean area over `draws` random draws, the benchmark's own s-AUC; for checking `shuffled_auc`."""
    frame = plain.Image.of(plain.as_numpy(saliency))
    fixated, others = (plain.pixels(each, frame.shape) for each in (fixations, other_fixations))
    if frame.constant or not len(fixated) or not len(others):
        return np.nan
    hits, negatives = frame.scaled(fixated), frame.scaled(others)
    generator, size = np.random.default_rng(seed), min(len(hits), len(negatives))
    drawn = (generator.choice(negatives, size, replace=False) for _ in range(draws))
    return float(np.mean([plain.sampled_area(hits, sample, convention) for sample in drawn]))


def kld(saliency: Array, fixation_map: Array) -> float:
    """Kullback–Leibler divergence Σ q·log(ε + q/(ε + p)) of sum-normalised maps, ε = 2.2e−16 (nats).

    As in the training loss; negative predictions (bicubic overshoot) count as zero.
    """
    return plain.kld(*(plain.Image.of(plain.as_numpy(each)) for each in (saliency, fixation_map)))


def _per_frame(points: Array | Sequence[Array], n_frames: int, name: str) -> Sequence[Array]:
    if getattr(points, "ndim", None) == 2:
        return [points] * n_frames
    if len(points) != n_frames:
        raise ValueError(f"score_frames: expected {name} of {n_frames} frames, found {len(points)}")
    return points


def _float64() -> torch.dtype:
    import torch  # noqa: PLC0415 - only asked for by who holds a tensor

    return torch.float64
