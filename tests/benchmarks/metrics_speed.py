"""What the benchmark's metrics cost per frame, beside a plain formulation of the same in the field's style.

    python tests/benchmarks/metrics_speed.py [--tiny]

One core, 360×640, 200 fixations, other-fixations of ten frames. The plain formulation follows the public
Python ports: a loop over the fixated values for AUC-J, 100 random splits with a threshold loop each for
s-AUC. Both ways take turns; times are medians. Values are compared as well: s-AUC, which the plain way draws,
within the sampling error of its draws.
"""

from __future__ import annotations

# ruff: noqa: E402 - threads are set before NumPy is loaded, and the repository is not installed everywhere
import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # before NumPy is loaded

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

sys.path.insert(0, str(Path(__file__).parents[2]))

from hd2s.metrics.benchmark import as_benchmark_image
from hd2s.metrics.scores import score_frames

FIVE = ("NSS", "CC", "SIM", "AUC-J", "s-AUC")
SIZE, FIXATIONS, FRAMES = (360, 640), 200, 8


def plain_nss(saliency, hits):
    normalised = (saliency - saliency.mean()) / saliency.std(ddof=1)
    return normalised[hits].mean()


def plain_cc(saliency, truth):
    a, b = ((m - m.mean()) / m.std() for m in (saliency, truth))
    return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


def plain_sim(saliency, truth):
    a, b = ((m - m.min()) / (m.max() - m.min()) for m in (saliency, truth))
    return np.minimum(a / a.sum(), b / b.sum()).sum()


def plain_auc_judd(saliency, hits):
    saliency = (saliency - saliency.min()) / (saliency.max() - saliency.min())
    values = np.sort(saliency[hits])[::-1]
    tp, fp = np.zeros(len(values) + 2), np.zeros(len(values) + 2)
    tp[-1] = fp[-1] = 1
    for i, threshold in enumerate(values, start=1):
        above = (saliency >= threshold).sum()
        tp[i], fp[i] = i / len(values), (above - i) / (saliency.size - len(values))
    return np.trapezoid(tp, fp)


def plain_shuffled_auc(saliency, hits, others, generator, splits=100):
    saliency = (saliency - saliency.min()) / (saliency.max() - saliency.min())
    at_hits, at_others = saliency[hits], saliency[others]
    drawn = [generator.permutation(at_others)[: len(at_hits)] for _ in range(splits)]
    areas = np.zeros(splits)
    for s, negatives in enumerate(drawn):
        thresholds = [k / 10 for k in range(11) if k / 10 <= max(at_hits.max(), negatives.max())][::-1]
        tp, fp = np.zeros(len(thresholds) + 2), np.zeros(len(thresholds) + 2)
        tp[-1] = fp[-1] = 1
        for k, threshold in enumerate(thresholds, start=1):
            tp[k], fp[k] = (at_hits >= threshold).mean(), (negatives >= threshold).mean()
        areas[s] = np.trapezoid(tp, fp)
    return areas.mean(), areas.std() / np.sqrt(splits)


def examples(kind: str):
    """Make predictions (a small map brought to size, or 8-bit at size), fixations that follow them, maps."""
    generator = np.random.default_rng(0)
    small = gaussian_filter(generator.random((FRAMES, 128, 192)) ** 6, (0, 8, 8))
    small = ((small - small.min()) / np.ptp(small)) ** 3
    saliency = as_benchmark_image(small, SIZE)
    points, maps = [], []
    for image in saliency:
        weight = image.clip(0).ravel() + 5.0
        drawn = generator.choice(image.size, FIXATIONS, replace=False, p=weight / weight.sum())
        points.append(np.stack(np.divmod(drawn, SIZE[1]), axis=1).astype(np.int16))
        hits = np.zeros(SIZE)
        hits[tuple(points[-1].T)] = 1
        density = gaussian_filter(hits, 12.74)
        maps.append(np.rint(density / density.max() * 255).astype(np.uint8))
    others = generator.choice(saliency[0].size, 10 * FIXATIONS, replace=False)
    if kind == "8-bit":
        saliency = np.rint(saliency.clip(0, 255)).astype(np.uint8)
    return saliency, points, np.stack(maps), np.stack(np.divmod(others, SIZE[1]), axis=1)


def timed(work) -> tuple[float, object]:
    started = time.perf_counter()
    result = work()
    return (time.perf_counter() - started) * 1e3, result


def plain_frame(saliency, points, truth, others, times):
    """Score one frame the plain way; append the milliseconds of each metric."""
    hits, negatives = tuple(points.T.astype(int)), tuple(others.T)
    generator = np.random.default_rng(0)
    saliency, truth = saliency.astype(float), truth.astype(float)
    work = {
        "NSS": lambda: plain_nss(saliency, hits),
        "CC": lambda: plain_cc(saliency, truth),
        "SIM": lambda: plain_sim(saliency, truth),
        "AUC-J": lambda: plain_auc_judd(saliency, hits),
        "s-AUC": lambda: plain_shuffled_auc(saliency, hits, negatives, generator),
    }
    values = {}
    for metric, function in work.items():
        ms, values[metric] = timed(function)
        times[metric].append(ms)
    return values


def compare(kind: str, rounds: int) -> None:
    """Print one table."""
    saliency, points, maps, others = examples(kind)
    plain = {metric: [] for metric in FIVE}
    ours, with_kld, apart = [], [], dict.fromkeys(plain, 0.0)
    for _ in range(rounds):
        ms, scores = timed(lambda: score_frames(saliency, points, maps, others, metrics=FIVE))
        ours.append(ms / FRAMES)
        with_kld.append(timed(lambda: score_frames(saliency, points, maps, others))[0] / FRAMES)
        for i in range(2):
            values = plain_frame(saliency[i], points[i], maps[i], others, plain)
            mean, error = values["s-AUC"]
            values["s-AUC"] = mean
            for metric, value in values.items():
                apart[metric] = max(apart[metric], abs(value - scores[metric][i]))
            assert abs(mean - scores["s-AUC"][i]) < 5 * error
    total = sum(np.median(times) for times in plain.values())
    print(f"\n{kind} predictions at {SIZE[0]}×{SIZE[1]}, {FIXATIONS} fixations, one core, ms per frame")
    for metric, times in plain.items():
        print(f"  plain {metric:6} {np.median(times):8.2f}      largest difference {apart[metric]:.1e}")
    print(f"  plain, five metrics {total:8.2f}")
    print(f"  score_frames, the same five {np.median(ours):8.3f}      ratio {total / np.median(ours):.1f}")
    print(f"  score_frames, with KLD {np.median(with_kld):8.3f}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tiny", action="store_true", help="as small as it can be, to see that it runs")
    rounds = 1 if parser.parse_args().tiny else 9
    for kind in ("float32", "8-bit"):
        compare(kind, rounds)


if __name__ == "__main__":
    main()
