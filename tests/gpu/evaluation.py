"""How fast trained models are evaluated from video files: one evaluation, and several that share a GPU."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np
import torch

from datasets.loading.scored_split import ScoredSplit
from datasets.reading.video import iter_frames
from grid.evaluation.scoring import score_clip
from hd2s.commands.processes import fresh_processes
from hd2s.models.declaration import Model
from hd2s.models.registry import models
from hd2s.prediction.predictor import Predictor
from manifests import Manifest
from tests.gpu.clock import seconds_of
from tests.gpu.corpus import CORES
from tests.gpu.report import Row
from tests.gpu.subjects import Bench

TOGETHER = 4
"""As many evaluations share a GPU in a grid by default (`resources.evaluate`)."""
_SECONDS_TO_BEGIN, _SECONDS = 30, 8


def alone(bench: Bench, declaration: Model, manifest: Manifest) -> Row:
    """Time the evaluation of the test clips, and each of its stages alone."""
    evaluation = Evaluation.of(bench, declaration, str(manifest.folder), threads=CORES)
    evaluation.predict()  # the first batch has libraries choose their ways
    evaluation.keep_maps()
    whole = seconds_of(evaluation.evaluate, bench.device)
    stages = {
        "decoding": evaluation.decode,
        "model": evaluation.predict,
        "decoding and metrics": evaluation.score,
    }
    shares = {name: seconds_of(work, bench.device) / whole for name, work in stages.items()}
    return {
        "frames/s": evaluation.n_frames / whole,
        **{f"{name} alone, of its time": it for name, it in shares.items()},
    }


def together(bench: Bench, declaration: Model, manifest: Manifest) -> Row:
    """Time as many evaluations as share a GPU, each in a process of its own, over the same seconds."""
    if not bench.gpu:
        return {"left out": "needs CUDA"}
    rates = in_processes(partial(_over_seconds, bench.device, declaration.word, str(manifest.folder)))
    return {"frames/s": sum(rates), "of each": " ".join(f"{rate:.0f}" for rate in rates)}


def in_processes(work: Callable[[float], float]) -> list[float]:
    """Do the same in as many processes as share a GPU, and return what each returns.

    Args:
        work: is told the moment, of `time.time`, from which on all do it.

    Raises:
        ProblemError: one was killed.
    """
    with fresh_processes(TOGETHER) as pool:
        begin = time.time() + _SECONDS_TO_BEGIN
        return [*pool.map(work, [begin] * TOGETHER)]


def _over_seconds(device: torch.device, word: str, folder: str, begin: float) -> float:
    """Evaluate again and again from a moment on; return the frames a second."""
    declaration = models()[word]
    evaluation = Evaluation.of(Bench(device, False, [declaration]), declaration, folder, threads=2)
    evaluation.evaluate()
    if time.time() > begin:
        raise RuntimeError(f"a process needed more than {_SECONDS_TO_BEGIN} s to begin")
    time.sleep(begin - time.time())
    times = 0
    while time.time() < begin + _SECONDS:
        evaluation.evaluate()
        times += 1
    return times * evaluation.n_frames / (time.time() - begin)


class Evaluation:
    """The evaluation of a split, whole and by stages, as a grid does it.

    Args:
        split: what is scored.
        predictor: made ready.
        size: (height, width) of its frames.
        threads: that read and score.
    """

    def __init__(self, split: ScoredSplit, predictor: Predictor, size: tuple[int, int], threads: int):
        self.split, self.predictor, self.size, self.threads = split, predictor, size, threads
        self.n_frames = sum(clip.n_frames for clip in split.clips.values())
        self._frames = {name: list(self._decoded(name)) for name in split.clips}
        self._maps: dict[str, list[np.ndarray]] = {}

    @classmethod
    def of(cls, bench: Bench, declaration: Model, folder: str, *, threads: int) -> Evaluation:
        """Return a model's on the test clips of a manifest."""
        model = bench.model(declaration).eval()
        precision = "bfloat16" if bench.gpu else "float32"
        try:
            predictor = Predictor(model, batch=32, device=bench.device, precision=precision)
        except ValueError:  # a model without a fast way
            predictor = Predictor(model, batch=32, device=bench.device)
        return cls(ScoredSplit.open(folder, "test"), predictor, model.config.input.size, threads)

    def keep_maps(self) -> None:
        """Predict all maps that `score` scores."""
        self._maps = {name: list(self.predictor(frames)) for name, frames in self._frames.items()}

    def decode(self) -> None:
        """Decode all clips."""
        for name in self.split.clips:
            deque(self._decoded(name), maxlen=0)

    def predict(self) -> None:
        """Predict all clips, from memory."""
        for frames in self._frames.values():
            deque(self.predictor(frames), maxlen=0)

    def score(self) -> None:
        """Decode and score all clips, whose maps are ready."""
        for name, maps in self._maps.items():
            self._score(
                name, lambda frames, ready=maps: (each for each, _ in zip(ready, frames, strict=True))
            )

    def evaluate(self) -> None:
        """Decode, predict and score all clips, at the same time."""
        for name in self.split.clips:
            self._score(name, self.predictor)

    def _decoded(self, name: str) -> Iterator[np.ndarray]:
        return iter_frames(self.split.manifest.root, self.split.clips[name], self.size)

    def _score(self, name: str, predictor: Callable[[Iterable[np.ndarray]], Iterator[np.ndarray]]) -> None:
        score_clip(
            self.split,
            name,
            predictor=predictor,
            size=self.size,
            threads=self.threads,
            eight_bit=True,
            device=self.predictor.device,
        )
