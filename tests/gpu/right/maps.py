"""Maps and metrics: the fast way of prediction, bfloat16, and the metrics' form for GPUs."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from hd2s.metrics.batches import score_batch
from hd2s.metrics.benchmark import as_benchmark_image
from hd2s.metrics.definitions import METRICS
from hd2s.metrics.scores import score_frames
from hd2s.models.declaration import Model
from tests.gpu.report import Row
from tests.gpu.subjects import Bench, frames_of
from tests.hd2s.models.small_models import predict_clip

METRIC_LIMIT = 1e-6
"""Of a score, or of 1 where it is less."""
MAP_LIMITS = {"cpu": 1e-5, "cuda": 1e-4}
"""Of the largest value of the maps; a GPU's convolutions add up in other orders."""
NATIVE = (180, 320)


def fast_against_plain(bench: Bench, declaration: Model) -> Row:
    """Compare the maps of a clip in float32, before they are smoothed."""
    model = bench.model(declaration).eval()
    frames = frames_of(model, 2 * model.config.input.span + 3).numpy()
    ways = ("plain", "fast")
    plain, fast = (
        predict_clip(model, frames, method=way, batch=8, device=bench.device, smoothing_sigma=None)
        for way in ways
    )
    apart, limit = np.abs(plain - fast) / np.abs(plain).max(), MAP_LIMITS[bench.device.type]
    found, median = float(apart.max()), float(np.median(apart))
    row = {"found": found, "median": median, "limit": limit, "ok": found <= limit}
    # A model that unpools by the places of maxima differs where rounding decides between two.
    if not row["ok"] and median <= limit and np.corrcoef(plain.ravel(), fast.ravel())[0, 1] > 0.999:
        row |= {"ok": True, "at": "single places; the median is within"}
    return row


def change_by_bfloat16(bench: Bench, declaration: Model) -> Row:
    """Return the largest change of each metric on a frame; no limit is right for all models."""
    model = bench.model(declaration).eval()
    frames = frames_of(model, model.config.input.span + 3).numpy()
    try:
        exact, rounded = (
            predict_clip(model, frames, batch=8, device=bench.device, precision=precision)
            for precision in ("float32", "bfloat16")
        )
    except ValueError as error:
        return {"left out": str(error)}
    images, (points, truths, others) = as_benchmark_image(exact, NATIVE), seen(exact)
    before = score_frames(images, points, truths, others)
    after = score_frames(as_benchmark_image(rounded, NATIVE), points, truths, others)
    return {name: float(np.nanmax(np.abs(before[name] - after[name]))) for name in METRICS}


def metrics_on(device: torch.device) -> Row:
    """Score predictions as an evaluation on the device does, 8-bit images and resizing included, and by the
    processor's way."""
    rng = np.random.default_rng(0)
    smooth = gaussian_filter(rng.random((6, 90, 160)) ** 4, (0, 3, 3)).astype(np.float32)
    images = as_benchmark_image(smooth, NATIVE)
    points, truths, others = seen(smooth)
    points[-1] = points[-1][:0]
    expected = score_frames(images, points, truths, others)
    tensors = (torch.from_numpy(each).to(device) for each in (smooth, truths))
    _, scores = score_batch(*tensors, points, [others] * len(points), metrics=METRICS)
    found, worst = 0.0, ""
    for name, column in zip(METRICS, scores.cpu().numpy(), strict=True):
        if (np.isnan(column) != np.isnan(expected[name])).any():
            raise ValueError(f"{name} is defined on other frames than on the processor")
        difference = np.nanmax(np.abs(column - expected[name]) / np.maximum(1, np.abs(expected[name])))
        found, worst = max((found, worst), (float(difference), name))
    return {"found": found, "at": worst, "limit": METRIC_LIMIT, "ok": found <= METRIC_LIMIT}


def seen(maps: np.ndarray) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Return fixations drawn from maps, their smoothed maps and other fixations, at the native size."""
    rng, size = np.random.default_rng(0), NATIVE[0] * NATIVE[1]
    points, truths = [], []
    for image in as_benchmark_image(maps, NATIVE):
        weight = (image - image.min()).ravel() ** 2 + 1.0
        drawn = rng.choice(size, 100, replace=False, p=weight / weight.sum())
        points.append(np.stack(np.divmod(drawn, NATIVE[1]), axis=1))
        hits = np.zeros(NATIVE)
        hits[tuple(points[-1].T)] = 1
        truths.append(gaussian_filter(hits, 6.4))
    others = np.stack(np.divmod(rng.choice(size, 1000, replace=False), NATIVE[1]), axis=1)
    return points, np.stack(truths), others
