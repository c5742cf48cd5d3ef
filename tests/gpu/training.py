"""How fast models train: micro-batches by way, precision and size, and an iteration in a process group."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import torch
from torch import distributed

from hd2s.approaches.contract import Learner, LearnerOptions, Progress
from hd2s.models.declaration import Model
from hd2s.training.captured import CapturedPasses
from hd2s.training.execution import Execution
from hd2s.training.iteration import take_iteration
from hd2s.training.optimiser import Optimiser
from tests.gpu import operations
from tests.gpu.clock import per_second
from tests.gpu.report import Row
from tests.gpu.right.captured import repeat
from tests.gpu.right.training import optimiser_options, recipe_of
from tests.gpu.subjects import Bench, batch_of, told

DEFAULT, CAPTURED, COMPILED = "channels last", "CUDA graph", "compiled"
WAYS = {
    DEFAULT: {},
    "contiguous": {"channels_last": False},
    "checkpointing": {"checkpointing": True},
    CAPTURED: {},
    COMPILED: {"compile": True},
}
ON_GPUS_ALONE = (CAPTURED, COMPILED)
PLAIN_WAYS = tuple(way for way in WAYS if way != COMPILED)


def rows(bench: Bench) -> Iterator[Row]:
    """Yield clips per second and peak memory, bfloat16 first, since trainings on a GPU compute in it."""
    yield from told({"what": "copy within memory"}, lambda: {"GB/s": bench.bandwidth / 1e9})
    for bfloat16 in (True, False):
        for model in bench.models:
            yield from _by_way(bench, model, bench.micro_batch(model), bfloat16, PLAIN_WAYS)
        for model in bench.models if bfloat16 else ():
            yield from in_a_group(bench, model)
    for model in () if bench.tiny else bench.models:
        for size in {16, 32} - {bench.micro_batch(model)}:
            yield from _by_way(bench, model, size, True, (DEFAULT, CAPTURED))
    # Compiling takes minutes: at the end, for what a training uses.
    for model in bench.models:
        yield from _by_way(bench, model, bench.micro_batch(model), True, (COMPILED,))


def _by_way(bench: Bench, model: Model, size: int, bfloat16: bool, ways: Sequence[str]) -> Iterator[Row]:
    told_of = {"what": "micro-batch", "model": model.word, "precision": "bfloat16" if bfloat16 else "float32"}
    limit = operations.training_limit(bench, model, bfloat16=bfloat16)
    for way in ways:
        columns = told_of | {"way": way, "batch": size}
        if way in ON_GPUS_ALONE and not bench.gpu:
            yield columns | {"left out": "needs CUDA"}
        elif bfloat16 and not bench.gpu:
            yield columns | {"left out": "on processors gradients in bfloat16 are wrong"}
        else:
            options = {"way": way, "size": size, "bfloat16": bfloat16, "limit": limit}
            yield from told(columns, partial(micro_batch, bench, model, **options))


def micro_batch(
    bench: Bench, model: Model, *, way: str, size: int, bfloat16: bool, limit: float | None
) -> Row:
    """Time forward pass, losses and backward pass of a micro-batch, by plain supervision."""
    execution = Execution(mixed_precision=bfloat16, **WAYS[way]).resolve(bench.device)
    learner = Learner(execution.prepare(bench.model(model)), LearnerOptions()).train()
    work = (recorded if way == CAPTURED else step)(learner, execution, size)
    if bench.gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(bench.device)
    rate = size * per_second(work, bench.device, bench.seconds)
    row: Row = {"clips/s": rate}
    if bench.gpu:
        row["GiB"] = torch.cuda.max_memory_allocated(bench.device) / 2**30
    return row | ({} if limit is None else {"of limit": rate / limit, "limit, clips/s": limit})


def step(learner: Learner, execution: Execution, size: int) -> Callable[[], None]:
    """Return what adds up the gradients of the same micro-batch, each time it is called."""
    drawn = batch_of(learner.model, size)
    terms = learner.model.losses

    def accumulate() -> None:
        with execution.autocast(drawn.clips.device):
            found = terms(learner.model(drawn.clips, domain=drawn.domain), drawn.maps)
        torch.stack(list(found.values())).sum().backward()

    return accumulate


def recorded(learner: Learner, execution: Execution, size: int) -> Callable[[], None]:
    """Return the same as a CUDA graph, as a training records it."""
    drawn = [batch_of(learner.model, size)], []
    return partial(repeat, CapturedPasses(learner, execution), drawn, Progress(0, 1))


def in_a_group(bench: Bench, model: Model) -> Iterator[Row]:
    """Yield an iteration's speed without a process group, and in one of a single process."""
    columns = {"what": "iteration", "model": model.word}
    yield from told({**columns, "way": "no process group"}, lambda: iteration(bench, model))
    if not distributed.is_available():
        yield {**columns, "way": "process group of 1", "left out": "this PyTorch has no process groups"}
        return
    backend = "nccl" if bench.gpu else "gloo"
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"file://{Path(folder) / 'meeting'}"
        way = {**columns, "way": f"process group of 1, {backend}"}

        def grouped() -> Row:
            distributed.init_process_group(backend, init_method=meeting, rank=0, world_size=1)
            try:
                return iteration(bench, model)
            finally:
                distributed.destroy_process_group()

        yield from told(way, grouped)


def iteration(bench: Bench, model: Model) -> Row:
    """Time an iteration of the paper, with its micro-batches added up and its optimiser's step."""
    execution = Execution(mixed_precision=bench.gpu).resolve(bench.device)
    learner = Learner(execution.prepare(bench.model(model)), LearnerOptions())
    captured = CapturedPasses.of(learner, execution)
    optimiser, size = Optimiser(learner, optimiser_options(model)), bench.micro_batch(model)
    recipe = recipe_of(model, micro_batches=1 if bench.tiny else None)
    drawn = [batch_of(learner.model, size)], []

    def iterate() -> None:
        batches = iter([drawn] * recipe.accumulate)
        take_iteration(learner, optimiser, recipe, 0, batches, execution=execution, captured=captured)

    rate = per_second(iterate, bench.device, 2 * bench.seconds)
    clips = size * recipe.accumulate
    precision = "bfloat16" if execution.mixed_precision else "float32"
    return {"precision": precision, "batch": f"{recipe.accumulate} × {size}", "clips/s": rate * clips}
