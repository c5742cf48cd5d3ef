"""Frames as the DHF1K benchmark scores them (`hd2s.metrics.benchmark`), many at a time on one device.

For GPUs: there the 8-bit image, its resizing and all metrics stay on the device. On a processor the same code
gives the same scores up to rounding, and takes many times as long as a frame at a time (`score_frame`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from hd2s.metrics import on_gpu
from hd2s.metrics.benchmark import bicubic_taps
from hd2s.metrics.definitions import BENCHMARK, find_metric


def score_batch(
    predictions: Tensor,
    truths: Tensor,
    points: Sequence[np.ndarray],
    others: Sequence[np.ndarray],
    *,
    metrics: Sequence[str],
    eight_bit: bool = True,
    truncate: bool = False,
    first: int = 0,
) -> tuple[Tensor, Tensor]:
    """Score N frames on the device of their predictions.

    Args:
        predictions: float32 (N, h, w), resized to the truths' size; uint8 as submitted.
        truths: uint8 (N, H, W), on the same device.
        points: each frame's fixated pixels, integers (n, 2), row and column.
        others: each frame's other fixations likewise (`hd2s.metrics.benchmark.other_fixations_of`).
        metrics: names of `hd2s.metrics.definitions`, each with an `of_batch`.
        eight_bit: predictions become 8-bit images first, as the benchmark receives them.
        truncate: rounded down then, not to the nearest.
        first: number of the first frame, in what is said of a bad one.

    Returns:
        Which predictions have one value alone, bool (N,), and float64 (metrics, N), NaN where undefined.

    Raises:
        ValueError: a prediction is not finite or a point lies outside the map, with the frame's number.
    """
    submitted = _submitted(predictions, eight_bit=eight_bit, truncate=truncate, first=first)
    low, high = submitted.flatten(1).aminmax(dim=1)
    constant = low == high
    images = _resized(submitted, (truths.shape[1], truths.shape[2]))
    # As in `as_benchmark_image`: a constant image stays constant, without the noise of resizing.
    images = torch.where(constant[:, None, None], low.float()[:, None, None], images)
    asked = [find_metric(name) for name in metrics]
    return constant, on_gpu.score(images, points, truths, others, metrics=asked, convention=BENCHMARK)


def _submitted(predictions: Tensor, *, eight_bit: bool, truncate: bool, first: int) -> Tensor:
    """Return what `hd2s.metrics.benchmark.as_submitted` does, to the bit."""
    finite = predictions.isfinite().flatten(1).all(dim=1)
    if not finite.all():
        bad = first + int((~finite).nonzero()[0])
        raise ValueError(f"frame {bad}: score_batch: expected finite predictions, found NaN or infinity")
    if not eight_bit or predictions.dtype == torch.uint8:
        return predictions
    levels = predictions.clamp(min=0).double()
    peak = levels.amax(dim=(1, 2), keepdim=True)
    there = peak > 0
    if truncate:
        return (levels / peak.where(there, 1.0) * 255).to(torch.uint8)
    return (levels * (255.0 / peak.where(there, 1.0)).where(there, 0.0)).round().to(torch.uint8)


def _resized(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Return what `resize_bicubic` does, to the bit: float32 (N, H, W)."""
    images = images.float()
    for dim, n_out in ((2, size[1]), (1, size[0])):
        if images.shape[dim] != n_out:
            images = _mixed(images, dim, _taps_on(images.device, images.shape[dim], n_out))
    return images


def _mixed(images: Tensor, dim: int, taps: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Resize one axis; products and sums each by themselves, lest one is rounded with another."""
    total = images.new_zeros(())
    for seen, weights in taps:
        total = total + images.index_select(dim, seen) * (weights[:, None] if dim == 1 else weights)
    return total


# Copied once: a copy waits for all that a GPU has been given, the next clip's predictions too.
@lru_cache(maxsize=128)
def _taps_on(device: torch.device, n_in: int, n_out: int) -> tuple[tuple[Tensor, Tensor], ...]:
    """Return the taps of all outputs, first to last: where each is, int32, and its weight, both (n_out,)."""
    rows = bicubic_taps(n_in, n_out)
    first, end = rows.indptr[:-1], rows.indptr[1:]
    found = []
    for place in (first + tap for tap in range(max(end - first))):
        there = place < end
        seen, weights = rows.indices[place * there], rows.data[place * there] * there
        found.append((torch.from_numpy(seen).to(device), torch.from_numpy(weights).to(device)))
    return tuple(found)
