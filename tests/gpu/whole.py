"""How fast it all is from files on disk: the loader, a training and an evaluation."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from datasets.frame_store.store import FrameStore
from datasets.loading.batches import training_batches
from datasets.loading.scored_split import ScoredSplit
from datasets.reading.video import iter_frames
from grid.evaluation.scoring import score_clip
from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch
from hd2s.models.contract import Model, SaliencyModel
from hd2s.prediction.predictor import Predictor
from hd2s.training.execution import Execution
from hd2s.training.iteration import Drawn, Recipe, take_iteration
from hd2s.training.optimiser import Optimiser
from manifests import Manifest
from tests.gpu.clock import seconds_of, synchronise
from tests.gpu.corpus import CORES, write_corpus
from tests.gpu.report import Row
from tests.gpu.right_training import optimiser_options
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
            yield from told({"what": "frames decoded", **columns}, lambda at=store: decoded(at))
            yield from told(
                {"what": "loader and feed", **columns}, lambda it=model, at=store: fed(bench, it, at)
            )
            yield from told(
                {"what": "evaluation", **columns},
                lambda it=model: evaluated(bench, it, manifest, Path(folder)),
            )
            yield from told(
                {"what": "training", **columns}, lambda it=model, at=store: trained(bench, it, at)
            )


def decoded(store: FrameStore) -> Row:
    """Time the filling of the frame store, by as many processes as there are cores."""
    clips = store.manifest.clips("train")
    begun = time.perf_counter()
    store.build(clips, workers=min(CORES, len(clips)))
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
    recipe = Recipe(accumulate=1 if bench.tiny else int(declaration.settings.get("train.accumulate", 25)))
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


def evaluated(bench: Bench, declaration: Model, manifest: Manifest, folder: Path) -> Row:
    """Time the evaluation of the test clips, and each of its stages alone."""
    split = ScoredSplit.open(str(folder / "manifest"), "test")
    model = bench.model(declaration).eval()
    size, precision = model.config.input.size, "bfloat16" if bench.gpu else "float32"
    try:
        predictor = Predictor(model, batch=32, device=bench.device, precision=precision)
    except ValueError:  # a model without a fast way
        predictor = Predictor(model, batch=32, device=bench.device)
    frames = {name: list(iter_frames(manifest.root, clip, size)) for name, clip in split.clips.items()}
    maps = {name: list(predictor(iter(each))) for name, each in frames.items()}
    options = {"size": size, "threads": CORES, "eight_bit": True}

    def decode() -> None:
        for clip in split.clips.values():
            for _ in iter_frames(manifest.root, clip, size):
                pass

    def predict() -> None:
        for each in frames.values():
            for _ in predictor(iter(each)):
                pass

    def score() -> None:
        for name, each in maps.items():
            score_clip(split, name, predictor=lambda given, ready=each: _paired(given, ready), **options)

    def evaluate() -> None:
        for name in split.clips:
            score_clip(split, name, predictor=predictor, **options)

    n, whole = sum(map(len, frames.values())), seconds_of(evaluate, bench.device)
    alone = {"decoding": decode, "model": predict, "decoding and metrics": score}
    shares = {f"{name}, of its time": seconds_of(work, bench.device) / whole for name, work in alone.items()}
    return {"frames/s": n / whole, **shares}


def _paired(frames: Iterator, ready: list) -> Iterator:
    """Yield the maps that are ready, as their frames come."""
    return (each for _, each in zip(frames, ready, strict=True))
