"""How fast it all is from files on disk: the loader, a training and an evaluation."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from datasets.frame_store.store import FrameStore
from datasets.loading.batches import training_batches
from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch
from hd2s.models.contract import SaliencyModel
from hd2s.models.declaration import Model
from hd2s.training.captured import CapturedPasses
from hd2s.training.execution import Execution
from hd2s.training.iteration import take_iteration
from hd2s.training.optimiser import Optimiser
from hd2s.training.turns import Drawn
from tests.gpu import evaluation
from tests.gpu.clock import synchronise
from tests.gpu.corpus import CORES, write_corpus
from tests.gpu.report import Row
from tests.gpu.right.training import optimiser_options, recipe_of
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
                lambda it=model: evaluation.alone(bench, it, manifest),
            )
            yield from told(
                {"what": "training", **columns}, lambda it=model, at=store: trained(bench, it, at)
            )
        # It takes the better part of a minute: of the first model alone.
        first = bench.models[0]
        columns = {"what": f"{evaluation.TOGETHER} evaluations at once", "model": first.word}
        yield from told(columns, lambda: evaluation.together(bench, first, manifest))


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
        answers=window.answered(window.frames),
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
    captured = CapturedPasses.of(learner, execution)
    optimiser, size = Optimiser(learner, optimiser_options(declaration)), bench.micro_batch(declaration)
    recipe = recipe_of(declaration, micro_batches=1 if bench.tiny else None)
    drawn = micro_batches(bench, learner.model, size, store)
    most = 1 if bench.tiny else ITERATIONS
    take = partial(take_iteration, learner, optimiser, recipe, execution=execution, captured=captured)
    take(0, drawn)
    begun = time.perf_counter()
    for done in range(1, most + 1):
        take(done, drawn)
        if time.perf_counter() - begun > 30 * bench.seconds:
            break
    synchronise(bench.device)
    seconds = time.perf_counter() - begun
    clips = done * recipe.accumulate * size
    return {"batch": f"{recipe.accumulate} × {size}", "iterations": done, "clips/s": clips / seconds}
