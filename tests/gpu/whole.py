"""How fast it all is from files on disk: the loader, a training and an evaluation."""

from __future__ import annotations

import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from datasets.frame_store.store import FrameStore
from datasets.loading.batches import training_batches
from datasets.loading.scored_split import ScoredSplit
from datasets.reading.video import iter_frames
from grid.evaluation.scoring import score_clip
from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch
from hd2s.models.contract import SaliencyModel
from hd2s.models.declaration import Model
from hd2s.prediction.predictor import Predictor
from hd2s.training.execution import Execution
from hd2s.training.iteration import take_iteration
from hd2s.training.optimiser import Optimiser
from hd2s.training.turns import Drawn
from manifests import Manifest
from tests.gpu.clock import seconds_of, synchronise
from tests.gpu.corpus import CORES, write_corpus
from tests.gpu.report import Row
from tests.gpu.right_training import optimiser_options, recipe_of
from tests.gpu.subjects import SOURCE, Bench, told

ITERATIONS = 200
ENDLESS = 10**6


def rows(bench: Bench) -> Iterator[Row]:
    """Yield what each stage reaches alone, and all of them together."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        manifest = write_corpus(Path(folder), tiny=bench.tiny)
        yield {"what": "corpus written and indexed", "seconds": time.perf_counter() - begun, "cores": CORES}
        for model in bench.models:
            store = FrameStore(Path(folder) / "store", manifest, bench.model(model).config.input.size)
            columns = {"model": model.word}
            yield from told({"what": "frames decoded", **columns}, lambda at=store: decoded(bench, at))
            yield from told(
                {"what": "loader and feed", **columns}, lambda it=model, at=store: fed(bench, it, at)
            )
            yield from told(
                {"what": "evaluation", **columns},
                lambda it=model: evaluated(bench, it, manifest),
            )
            yield from told(
                {"what": "training", **columns}, lambda it=model, at=store: trained(bench, it, at)
            )


def decoded(bench: Bench, store: FrameStore) -> Row:
    """Time the filling of the frame store, by as many processes as there are cores."""
    clips = store.manifest.clips("train")
    begun = time.perf_counter()
    store.build(clips, workers=1 if bench.tiny else min(CORES, len(clips)))
    frames, seconds = sum(clip.n_frames for clip in clips), time.perf_counter() - begun
    return {"seconds": seconds, "frames/s": frames / seconds}


def micro_batches(bench: Bench, model: SaliencyModel, size: int, store: FrameStore) -> Iterator[Drawn]:
    """Yield micro-batches from the frame store on the device, without end."""
    window = model.config.input
    batches = training_batches(
        store,
        store.manifest.clips("train"),
        T=window.frames,
        step=window.step,
        answers=window.answers,
        batch=size,
        seed=0,
        last_step=ENDLESS,
        workers=2 if bench.tiny else CORES,
        pin=bench.gpu,
    )
    for loaded in batches:
        batch = loaded.to(bench.device)
        clips, domain = model.normalise(batch.clips), model.config.domain_of(SOURCE)
        yield [MicroBatch(clips, batch.maps.float() / 255, batch.keys, domain)], []


def fed(bench: Bench, declaration: Model, store: FrameStore) -> Row:
    """Time the loader up to what a model is given, without the model."""
    model, size = bench.model(declaration), bench.micro_batch(declaration)
    drawn = micro_batches(bench, model, size, store)
    for _ in islice(drawn, 2 * CORES):  # all loader processes are at work
        pass
    count, begun = 0, time.perf_counter()
    while not count or time.perf_counter() - begun < 3 * bench.seconds:
        count += sum(1 for _ in islice(drawn, 8))
    synchronise(bench.device)
    return {"batch": size, "clips/s": count * size / (time.perf_counter() - begun)}


def trained(bench: Bench, declaration: Model, store: FrameStore) -> Row:
    """Time iterations of the paper's size, reading included."""
    execution = Execution(mixed_precision=bench.gpu).resolve(bench.device)
    learner = Learner(execution.prepare(bench.model(declaration)), LearnerOptions())
    optimiser, size = Optimiser(learner, optimiser_options(declaration)), bench.micro_batch(declaration)
    recipe = recipe_of(declaration, micro_batches=1 if bench.tiny else None)
    drawn = micro_batches(bench, learner.model, size, store)
    most = 1 if bench.tiny else ITERATIONS
    take_iteration(learner, optimiser, recipe, 0, drawn, execution=execution)
    begun = time.perf_counter()
    for done in range(1, most + 1):
        take_iteration(learner, optimiser, recipe, done, drawn, execution=execution)
        if time.perf_counter() - begun > 30 * bench.seconds:
            break
    synchronise(bench.device)
    seconds = time.perf_counter() - begun
    clips = done * recipe.accumulate * size
    return {"batch": f"{recipe.accumulate} × {size}", "iterations": done, "clips/s": clips / seconds}


def evaluated(bench: Bench, declaration: Model, manifest: Manifest) -> Row:
    """Time the evaluation of the test clips, and each of its stages alone."""
    model = bench.model(declaration).eval()
    precision = "bfloat16" if bench.gpu else "float32"
    try:
        predictor = Predictor(model, batch=32, device=bench.device, precision=precision)
    except ValueError:  # a model without a fast way
        predictor = Predictor(model, batch=32, device=bench.device)
    split = ScoredSplit.open(str(manifest.folder), "test")
    evaluation = Evaluation(split, predictor, model.config.input.size)
    evaluation.predict()  # the first batch has libraries choose their ways
    evaluation.keep_maps()
    whole = seconds_of(evaluation.evaluate, bench.device)
    stages = {
        "decoding": evaluation.decode,
        "model": evaluation.predict,
        "decoding and metrics": evaluation.score,
    }
    shares = {name: seconds_of(work, bench.device) / whole for name, work in stages.items()}
    frames = sum(clip.n_frames for clip in split.clips.values())
    return {"frames/s": frames / whole, **{f"{name} alone, of its time": it for name, it in shares.items()}}


class Evaluation:
    """The evaluation of a split, whole and by stages, as a grid does it.

    Args:
        split: what is scored.
        predictor: made ready.
        size: (height, width) of its frames.
    """

    def __init__(self, split: ScoredSplit, predictor: Predictor, size: tuple[int, int]):
        self.split, self.predictor, self.size = split, predictor, size
        self._frames = {name: list(self._decoded(name)) for name in split.clips}
        self._maps: dict[str, list[np.ndarray]] = {}

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
            threads=CORES,
            eight_bit=True,
            device=self.predictor.device,
        )
