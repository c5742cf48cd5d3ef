"""NSS, CC, SIM, AUC-J, s-AUC as the DHF1K benchmark computes them, and KLD.

Pure functions of arrays: NumPy arrays and tensors on the processor one frame at a time
(`hd2s.metrics.on_processor`), tensors on a GPU in batches (`hd2s.metrics.on_gpu`). No threshold loop and no
random splits.
How scores of frames become one number (over frames, NaN dropped) is the caller's.

A score is NaN when it is undefined; the benchmark drops such frames from its mean. It drops those of a
constant prediction too, and so judges a model that has collapsed by its better frames alone: here they
count as what they are worth, chance. Degenerate cases:

================================  =====  =====  =====  =====  =====  ==========================
case                              NSS    CC     SIM    AUC-J  s-AUC  KLD
================================  =====  =====  =====  =====  =====  ==========================
no fixation                       NaN    .      .      NaN    NaN    .
no other-fixation                 .      .      .      .      NaN    .
prediction constant, not zero     0      0      (+)    0.5    0.5    that of a uniform map
prediction all zero               0      0      0      0.5    0.5    finite, large (0 everywhere)
map constant, not zero            .      NaN    NaN    .      .      .
map all zero                      .      NaN    0      .      .      NaN
every pixel fixated               0      .      .      NaN    .      .
================================  =====  =====  =====  =====  =====  ==========================

(.) regular; (+) that of a uniform map; what a frame or its map lacks goes before what a prediction lacks. One
fixation and tied values are regular.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hd2s.metrics import on_processor
from hd2s.metrics.definitions import BENCHMARK, METRICS, Array, Convention, find_metric
from hd2s.metrics.image import Image


def score_frames(
    saliency: Array,
    fixations: Array | Sequence[Array],
    maps: Array,
    other_fixations: Array | Sequence[Array],
    *,
    metrics: Sequence[str] = METRICS,
    convention: Convention = BENCHMARK,
) -> dict[str, Array]:
    """Score N frames by some metrics, by default all six.

    Args:
        saliency: predictions (N, H, W) at the fixation maps' size, any real dtype; as the benchmark sees
            them after `hd2s.metrics.benchmark.as_benchmark_image`.
        fixations: bool (N, H, W), or N integer arrays (n, 2) of (y, x). Pixels count once.
        maps: continuous ground truth (N, H, W), any scale.
        other_fixations: s-AUC's negatives: as `fixations`, or one bool (H, W) or one integer (m, 2) for all
            frames.
        metrics: names of `hd2s.metrics.definitions`.
        convention: of the benchmark, or of a port that departs from it.

    Returns:
        Name → scores, float64 (N,), NaN where undefined (see the module): NumPy's arrays, or tensors on
        the device of `saliency`, as it came.

    Raises:
        ValueError: there is no such metric; sizes differ, or, with the frame's number, a point lies outside
            the frame or a value is not finite.
    """
    asked = [find_metric(name) for name in metrics]
    if saliency.ndim != 3 or saliency.shape != maps.shape:
        raise ValueError(
            f"score_frames: expected saliency and maps of one shape (N, H, W), found {tuple(saliency.shape)} "
            f"and {tuple(maps.shape)}; resize the predictions to the maps' size first"
        )
    n_frames = len(saliency)
    fixated = _per_frame(fixations, n_frames, "fixations")
    others = _per_frame(other_fixations, n_frames, "other_fixations")
    scores: Array
    if getattr(saliency, "is_cuda", False) and all(metric.of_batch for metric in asked):
        from hd2s.metrics import on_gpu  # noqa: PLC0415 - who scores NumPy arrays needs no torch

        scores = on_gpu.score(saliency, fixated, maps, others, metrics=asked, convention=convention)
    else:
        arrays = on_processor.as_numpy(saliency), fixated, on_processor.as_numpy(maps), others
        scores = on_processor.score(*arrays, metrics=asked, convention=convention)
        scores = scores if isinstance(saliency, np.ndarray) else saliency.new_tensor(scores, dtype=_float64())
    return dict(zip(metrics, scores, strict=True))


def nss(saliency: Array, fixations: Array, *, convention: Convention = BENCHMARK) -> float:
    """Normalised scanpath saliency: mean z-score (N−1 in the deviation) at the fixated pixels."""
    return on_processor.nss(_frame(saliency, fixations=fixations, convention=convention))


def cc(saliency: Array, fixation_map: Array) -> float:
    """Pearson's correlation of the two maps (H, W)."""
    return on_processor.cc(_frame(saliency, fixation_map))


def sim(saliency: Array, fixation_map: Array) -> float:
    """Histogram intersection of the two maps (H, W), each min–max scaled and divided by its sum."""
    return on_processor.sim(_frame(saliency, fixation_map))


def auc_judd(saliency: Array, fixations: Array, *, convention: Convention = BENCHMARK) -> float:
    """Area under the curve by Judd, without jitter.

    Thresholds are the n fixated values in descending order, tp = i/n, fp = (#{P ≥ tᵢ} − i)/(N − n).
    Tied fixated values keep their ranks i, exactly as in the benchmark.
    """
    return on_processor.auc_judd(_frame(saliency, fixations=fixations, convention=convention))


def shuffled_auc(
    saliency: Array, fixations: Array, other_fixations: Array, *, convention: Convention = BENCHMARK
) -> float:
    """Shuffled AUC (Borji style): the exact mean of the benchmark's random draws.

    The benchmark draws min(n, m) of the m other-fixations 100 times and averages the areas. tp does
    not depend on the draw and the area is linear in fp, whose expectation over draws is the share of
    all m other-fixations at or above the threshold: no drawing is needed and no noise is left.
    """
    points = {"fixations": fixations, "other_fixations": other_fixations}
    return on_processor.shuffled_auc(_frame(saliency, **points, convention=convention))


def kld(saliency: Array, fixation_map: Array) -> float:
    """Kullback–Leibler divergence Σ q·log(ε + q/(ε + p)) of sum-normalised maps, ε = 2.2e−16 (nats).

    As in the training loss; negative predictions (bicubic overshoot) count as zero.
    """
    return on_processor.kld(_frame(saliency, fixation_map))


def _frame(
    saliency: Array,
    fixation_map: Array | None = None,
    *,
    fixations: Array | None = None,
    other_fixations: Array | None = None,
    convention: Convention = BENCHMARK,
) -> on_processor.Frame:
    """Prepare a frame for a metric that looks at no more of it than is given."""
    image = Image.of(on_processor.as_numpy(saliency))
    # An empty map where none is given, since none is then looked at.
    given = np.zeros(image.shape) if fixation_map is None else on_processor.as_numpy(fixation_map)
    truth = Image.of(given)
    fixated, others = (
        np.empty(0, np.int64) if points is None else on_processor.pixels(points, image.shape)
        for points in (fixations, other_fixations)
    )
    return on_processor.Frame(image, truth, fixated, others, convention)


def _per_frame(points: Array | Sequence[Array], n_frames: int, name: str) -> Sequence[Array]:
    if getattr(points, "ndim", None) == 2:
        return [points] * n_frames
    if len(points) != n_frames:
        raise ValueError(f"score_frames: expected {name} of {n_frames} frames, found {len(points)}")
    return points


def _float64() -> Any:
    import torch  # noqa: PLC0415 - only asked for by who holds a tensor

    return torch.float64
