"""A trained model on one part of a test split."""

from __future__ import annotations

import time
from functools import lru_cache, partial

import pyarrow as pa

from datasets.corpus import ClipError
from datasets.loading.scored_split import ScoredSplit
from grid.evaluation.job import EvaluationJob, Part
from grid.evaluation.pictures import Sketch, shown
from grid.evaluation.scoring import score_clip
from grid.results.provenance import assert_ours, computed
from grid.results.sources import code_of
from grid.specs import plugins
from hd2s.models.shown import as_shown
from hd2s.models.tested import AsTested
from hd2s.prediction.open_checkpoint import open_checkpoint
from hd2s.prediction.predictor import Predictor
from hd2s.prediction.processor import use_processor
from manifests.problem import ProblemError
from manifests.schema import Clip

# What a disk or a network may get over, before a clip is given up.
_TRIES, _SECONDS_BETWEEN_TRIES = 2, 3.0


def evaluate_part(job: EvaluationJob, part: int) -> Part:
    """Score one part's clips; those that cannot be read are left out and named."""
    assert_ours()
    plugins.load(job.plugins)
    code = code_of(job.modules)
    use_processor(job.protocol.threads)
    started = time.monotonic()
    split = _split(job)
    score = partial(
        score_clip,
        split,
        predictor=_predictor(job),
        threads=job.scorers,
        eight_bit=job.protocol.eight_bit,
        truncate=job.protocol.truncate,
        resizing=job.protocol.resizing,
        metrics=job.metrics,
        device=_device(job),
    )
    tables, unread = [], {}
    pictures: dict[str, bytes] = {}
    constant: dict[str, int] = {}
    wanted = shown(job.expected)
    for clip in job.parts[part]:
        sketch, size = Sketch(clip, wanted.get(clip)), _size(job, split.clips[clip])
        for tries_left in reversed(range(_TRIES)):
            try:
                found: set[int] = set()
                tables.append(score(clip, size=size, sketch=sketch, constant=found))
                constant |= {clip: len(found)} if found else {}
                pictures |= {clip: sketch.drawn} if sketch.drawn else {}
                break
            except (ProblemError, ClipError, OSError) as error:
                if tries_left:
                    time.sleep(_SECONDS_BETWEEN_TRIES)
                else:
                    unread[clip] = str(error)
    frames = pa.concat_tables(tables) if tables else None
    by = computed(_device(job), job.protocol.threads, job.batch)
    return Part(frames, time.monotonic() - started, unread, pictures, by, constant=constant, code=code)


def _split(job: EvaluationJob) -> ScoredSplit:
    place = job.manifest
    split = ScoredSplit.open(place.folder, "test", place.root, job.protocol.min_frames, place.fold)
    place.require(split.manifest)
    return split


def _size(job: EvaluationJob, clip: Clip) -> tuple[int, int]:
    """Return the (height, width) at which a clip is predicted."""
    return job.input.predicted_size((clip.height, clip.width), still=clip.n_frames == 1)


def _predictor(job: EvaluationJob) -> Predictor:
    return _made_ready(job.weights, job.protocol.tested, (job.test, job.domain), job.batch, _device(job))


def _device(job: EvaluationJob) -> str:
    return "cuda" if job.gpu else "cpu"


@lru_cache(maxsize=1)
def _made_ready(
    weights: str, tested: AsTested, clips: tuple[str, str | None], batch: int, device: str
) -> Predictor:
    """Read a model; a worker that scores several parts with it reads it once."""
    test, domain = clips
    model = open_checkpoint(weights).to(device)
    return Predictor(
        as_shown(model, test),
        batch=batch,
        domain=domain,
        device=device,
        **tested.predictor_options,
    )
