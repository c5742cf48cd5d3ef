"""A trained model on every frame of a test split, in parts that workers share."""

from __future__ import annotations

import heapq
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

import pyarrow as pa
import torch

from datasets.corpus import ClipError
from datasets.loading.scored_split import ScoredSplit
from grid.evaluation.pictures import Sketch, shown
from grid.evaluation.scoring import score_clip
from grid.results.provenance import assert_ours
from hd2s import build_model, load_weights
from hd2s.prediction.predictor import Predictor
from manifests.problem import Problem, ProblemError
from manifests.schema import Clip

# Test frames in one unit of work: a minute or so of one GPU, some of which a large test split has for
# every worker, while a small one stays whole.
_FRAMES_A_PART = 6000
# What a disk or a network may get over, before a clip is given up.
_TRIES, _PAUSE_S = 2, 3.0


@dataclass(frozen=True)
class EvaluationJob:
    """An evaluation and the places that it needs.

    Attributes:
        id: the evaluation's id.
        model: the training's `spec["model"]`.
        domain: the corpus whose own layers the model takes; None for a model without.
        weights: the training's weights.
        manifest: folder of the test corpus' manifest, and the root of its files or None for the
            manifest's own.
        expected: clip -> frames, of all test clips.
        quarantined: test clips that were found unusable when the corpus was indexed.
        parts: the test clips, shared out so that workers take about equally long.
        protocol: the settings of `grid.specs.settings.Test`.
        batch: frames forwarded at once.
        gpu: run on the accelerator that Ray has given.
        threads: of PyTorch on a processor, and of the metrics.
    """

    id: str
    model: Mapping[str, Any]
    domain: str | None
    weights: str
    manifest: tuple[str, str | None]
    expected: Mapping[str, int]
    quarantined: int
    parts: tuple[tuple[str, ...], ...]
    protocol: Mapping[str, Any]
    batch: int
    gpu: bool
    threads: int

    def gather(self, results: list[Part]) -> tuple[pa.Table, dict[str, Any], dict[str, int]]:
        """All parts' rows as one table, the evaluation's summary, and the frames of each clip in it.

        Raises:
            ProblemError: not one clip could be scored.
        """
        unread = {clip: why for part in results for clip, why in part.unread.items()}
        expected = {clip: n for clip, n in self.expected.items() if clip not in unread}
        if not expected:
            clip, why = next(iter(unread.items()))
            remedy = f"The first, {clip}: {why}"
            raise ProblemError(Problem(self.id, "test clips that can be read", "none", remedy))
        frames = pa.concat_tables(part.frames for part in results if part.frames is not None)
        seconds = sum(part.seconds for part in results)
        return frames, {"seconds": seconds, "unread": unread, "quarantined": self.quarantined}, expected


@dataclass(frozen=True)
class Part:
    """What came of a part of an evaluation: rows, pictures, and the clips that could not be read, with why.

    `pictures`: clip -> PNG file, of the clips that `grid.evaluation.pictures.shown` has chosen.
    """

    frames: pa.Table | None
    seconds: float
    unread: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)


def share_out(clips: list[Clip]) -> tuple[tuple[str, ...], ...]:
    """Split a test set into parts of about equal length, longest clips first."""
    n_parts = max(1, round(sum(clip.n_frames for clip in clips) / _FRAMES_A_PART))
    parts: list[list[str]] = [[] for _ in range(min(n_parts, len(clips)))]
    loads = [(0, part) for part in range(len(parts))]
    for clip in sorted(clips, key=lambda clip: -clip.n_frames):
        load, lightest = loads[0]
        parts[lightest].append(clip.clip)
        heapq.heapreplace(loads, (load + clip.n_frames, lightest))
    return tuple(tuple(part) for part in parts)


def evaluate_part(job: EvaluationJob, part: int) -> Part:
    """Score one part's clips; those that cannot be read are left out and named."""
    assert_ours()
    torch.set_num_threads(job.threads)
    started = time.monotonic()
    score = partial(
        score_clip,
        ScoredSplit.open(job.manifest[0], "test", job.manifest[1]),
        predictor=_predictor(job),
        size=(job.model["height"], job.model["width"]),
        threads=job.threads,
        eight_bit=job.protocol["eight_bit"],
    )
    tables, unread, pictures = [], {}, {}
    wanted = shown(job.expected)
    for clip in job.parts[part]:
        sketch = Sketch(clip, wanted.get(clip))
        for tries_left in reversed(range(_TRIES)):
            try:
                tables.append(score(clip, sketch=sketch))
                pictures |= {clip: sketch.drawn} if sketch.drawn else {}
                break
            except (ProblemError, ClipError, OSError) as error:
                if tries_left:
                    time.sleep(_PAUSE_S)
                else:
                    unread[clip] = str(error)
    frames = pa.concat_tables(tables) if tables else None
    return Part(frames, time.monotonic() - started, unread, pictures)


def _predictor(job: EvaluationJob) -> Predictor:
    asked = {"weights": job.weights, "model": dict(job.model), "test": dict(job.protocol)}
    asked |= {"domain": job.domain, "batch": job.batch, "device": "cuda" if job.gpu else "cpu"}
    return _made_ready(json.dumps(asked, sort_keys=True))


@lru_cache(maxsize=1)
def _made_ready(asked: str) -> Predictor:
    """Read a model; a worker that scores several parts with it reads it once."""
    wanted = json.loads(asked)
    model, test, domain = wanted["model"], wanted["test"], wanted["domain"]
    del model["backbone_weights"]
    network = build_model(model.pop("name"), **model)
    load_weights(network, wanted["weights"])
    sigma = test["smoothing_sigma"]
    return Predictor(
        network.to(wanted["device"]).eval(),
        clip_length=model["clip_length"],
        batch=wanted["batch"],
        smoothing_sigma="protocol" if sigma is None or network.learns_smoothing else sigma,
        domain=domain,
        device=wanted["device"],
        precision=test["precision"],
        protocol=test["protocol"],
    )
