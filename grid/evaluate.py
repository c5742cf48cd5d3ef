"""A trained model on every frame of a test split: the maps by sliding window, the metrics by frame."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import nn

from datasets.ground_truth import read_map
from datasets.video import iter_frames
from grid.source import assert_ours
from hd2s import build_model, load_weights
from hd2s.benchmark import as_benchmark_image, draw_other_fixations
from hd2s.inference import iter_predictions
from hd2s.metrics import METRICS, score_frames
from manifests.schema import Clip, Fixations
from manifests.store import Manifest, open_manifest

# Test frames in one unit of work: a minute or so of one GPU, some of which a large test split has for
# every worker, while a small one stays whole.
_FRAMES_A_PART = 6000
# s-AUC's other fixations are drawn alike for every model, so that models are compared on equal terms.
_POOL_SEED = 0


@dataclass(frozen=True)
class EvaluationJob:
    """An evaluation and the places that it needs.

    Attributes:
        id: the evaluation's id.
        model: the training's `spec["model"]`.
        weights: the training's weights.
        manifest: folder of the test corpus' manifest, and the root of its files or None for the
            manifest's own.
        expected: clip -> frames, of all test clips.
        parts: the test clips, shared out so that workers take about equally long.
        smoothing_sigma: pixels at the model's input size.
        batch: windows forwarded at once.
        gpu: run on the accelerator that Ray has given.
        threads: of PyTorch, on a processor.
    """

    id: str
    model: Mapping[str, Any]
    weights: str
    manifest: tuple[str, str | None]
    expected: Mapping[str, int]
    parts: tuple[tuple[str, ...], ...]
    smoothing_sigma: float
    batch: int
    gpu: bool
    threads: int

    def gather(self, results: list[tuple[pa.Table, float]]) -> tuple[pa.Table, dict[str, Any]]:
        """All parts' rows as one table, and the evaluation's summary."""
        frames = pa.concat_tables([table for table, _ in results])
        return frames, {"seconds": sum(seconds for _, seconds in results)}


def share_out(clips: list[Clip]) -> tuple[tuple[str, ...], ...]:
    """Split a test set into parts of about equal length, longest clips first."""
    n_parts = max(1, round(sum(clip.n_frames for clip in clips) / _FRAMES_A_PART))
    parts: list[list[str]] = [[] for _ in range(min(n_parts, len(clips)))]
    loads = [0] * len(parts)
    for clip in sorted(clips, key=lambda clip: -clip.n_frames):
        lightest = loads.index(min(loads))
        parts[lightest].append(clip.clip)
        loads[lightest] += clip.n_frames
    return tuple(tuple(part) for part in parts)


def evaluate_part(job: EvaluationJob, part: int) -> tuple[pa.Table, float]:
    """Score one part's clips.

    Returns:
        Columns clip (string), frame (int32), n_fixations (int32) and a float64 column for each metric;
        and the seconds that it took.
    """
    assert_ours()
    torch.set_num_threads(job.threads)
    started = time.monotonic()
    device = torch.device("cuda" if job.gpu else "cpu")
    test = _TestSplit.open(*job.manifest)
    model = _model(job.weights, tuple(job.model.items())).to(device)
    tables = [_score_clip(job, model, device, test, clip) for clip in job.parts[part]]
    return pa.concat_tables(tables), time.monotonic() - started


@dataclass(frozen=True)
class _TestSplit:
    """A test split's clips and fixations, in memory."""

    manifest: Manifest
    clips: Mapping[str, Clip]
    fixations: Fixations
    points: list[np.ndarray]
    sizes: list[tuple[int, int]]

    @classmethod
    @lru_cache(maxsize=1)
    def open(cls, folder: str, root: str | None) -> _TestSplit:
        """Read a test split; a worker that scores several parts of it reads it once."""
        manifest = open_manifest(Path(folder), root)
        clips = manifest.clips("test")
        fixations = manifest.fixations("test")
        points = [fixations.frame(clip.clip, i) for clip in clips for i in range(clip.n_frames)]
        sizes = [(clip.height, clip.width) for clip in clips for _ in range(clip.n_frames)]
        return cls(manifest, {clip.clip: clip for clip in clips}, fixations, points, sizes)


@lru_cache(maxsize=1)
def _model(weights: str, options: tuple[tuple[str, Any], ...]) -> nn.Module:
    settings = dict(options)
    del settings["backbone_weights"]
    model = build_model(settings.pop("name"), **settings)
    load_weights(model, weights)
    return model.eval()


def _score_clip(
    job: EvaluationJob, model: nn.Module, device: torch.device, test: _TestSplit, name: str
) -> pa.Table:
    clip, root = test.clips[name], Path(test.manifest.root)
    size = (job.model["height"], job.model["width"])
    predictions = iter_predictions(
        model,
        iter_frames(root, clip, size),
        clip_length=job.model["clip_length"],
        batch=job.batch,
        smoothing_sigma=job.smoothing_sigma,
        device=device,
    )
    rows = []
    native = (clip.height, clip.width)
    for i, prediction in enumerate(predictions):
        others = draw_other_fixations(test.points, test.sizes, native, (_POOL_SEED, clip.corpus, name, i))
        points = test.fixations.frame(name, i)
        truth = read_map(root, clip, i, None, points)
        scores = score_frames(as_benchmark_image(prediction, native)[None], [points], truth[None], [others])
        rows.append((len(points), *(scores[metric][0] for metric in METRICS)))
    counts, *columns = zip(*rows, strict=True)
    return pa.table(
        {
            "clip": pa.array([name] * len(rows), pa.string()),
            "frame": pa.array(range(len(rows)), pa.int32()),
            "n_fixations": pa.array(counts, pa.int32()),
            **{
                metric: pa.array(column, pa.float64())
                for metric, column in zip(METRICS, columns, strict=True)
            },
        }
    )
