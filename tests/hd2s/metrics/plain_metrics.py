"""The metrics as plain formulations of the benchmark's definitions, and examples to compare them on."""

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from hd2s.metrics import on_gpu
from hd2s.metrics.definitions import BENCHMARK, METRICS, find_metric

H, W = 36, 52


def plain_nss(saliency, fixated):
    z = (saliency - saliency.mean()) / saliency.std(ddof=1)
    return np.mean([z[y, x] for y, x in fixated])


def plain_sim(a, b):
    a, b = ((m - m.min()) / (m.max() - m.min()) for m in (a, b))
    return sum(min(p, q) for p, q in zip((a / a.sum()).ravel(), (b / b.sum()).ravel(), strict=True))


def plain_area(tp, fp):
    tp, fp = [0, *tp, 1], [0, *fp, 1]
    return sum((fp[k + 1] - fp[k]) * (tp[k + 1] + tp[k]) / 2 for k in range(len(tp) - 1))


def plain_auc_judd(saliency, fixated):
    values = sorted((saliency[y, x] for y, x in fixated), reverse=True)
    n, total = len(values), saliency.size
    fp = [((saliency >= t).sum() - i) / (total - n) for i, t in enumerate(values, 1)]
    return plain_area([i / n for i in range(1, n + 1)], fp)


def plain_shuffled_area(hits, negatives):
    thresholds = [k / 10 for k in range(11) if k / 10 <= max(*hits, *negatives)][::-1]
    return plain_area(*([np.mean(np.asarray(v) >= t) for t in thresholds] for v in (hits, negatives)))


def plain_kld(saliency, truth):
    p, q = saliency / saliency.sum(), truth / truth.sum()
    return (q * np.log(2.2e-16 + q / (2.2e-16 + p))).sum()


def scaled_at(saliency, points):
    scaled = (saliency - saliency.min()) / (saliency.max() - saliency.min())
    return [scaled[y, x] for y, x in points]


def example(seed, n=30, m=80, kind="float64", shape=(H, W)):
    """Return a smooth prediction, n fixations that follow it somewhat, their map, and m other-fixations."""
    rng = np.random.default_rng(seed)
    saliency = gaussian_filter(rng.random(shape) ** 4, 3)
    saliency = (saliency - saliency.min()) / np.ptp(saliency)
    weight = (saliency + 0.1).ravel()
    fixated = rng.choice(saliency.size, n, replace=False, p=weight / weight.sum())
    points, others = (
        np.stack(np.divmod(flat, shape[1]), axis=1)
        for flat in (fixated, rng.choice(saliency.size, m, replace=False))
    )
    hits = np.zeros(shape)
    hits[tuple(points.T)] = 1
    truth = gaussian_filter(hits, 2.5)
    truth = np.rint(truth / truth.max() * 255).astype(np.uint8)
    if kind == "8-bit":  # many ties
        saliency = np.rint(saliency * 255).astype(np.uint8)
    elif kind == "offset":  # far from zero, small contrast
        saliency = 1000 + 1e-3 * saliency
    elif kind == "outlier":  # all but one pixel in one bucket of the counting
        saliency[3, 4] = 1e7
    return saliency.astype("float32" if kind == "float32" else saliency.dtype), points, truth, others


KINDS = ["float64", "float32", "8-bit", "offset", "outlier"]


def batched(saliency, points, maps, others, convention=BENCHMARK):
    """Score by the batched form, which is meant for GPUs, on the processor."""
    tensors = torch.from_numpy(np.ascontiguousarray(saliency)), torch.from_numpy(np.ascontiguousarray(maps))
    metrics = [find_metric(name) for name in METRICS]
    scores = on_gpu.score(tensors[0], points, tensors[1], others, metrics=metrics, convention=convention)
    assert scores.dtype == torch.float64
    return dict(zip(METRICS, scores.numpy(), strict=True))
