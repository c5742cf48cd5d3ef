"""Micro-batches as CUDA graphs against the same, kernel by kernel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import dropout

from hd2s.approaches.contract import Learner, Progress
from hd2s.training.captured import CapturedPasses
from hd2s.training.cuda_graphs import CudaGraphs
from hd2s.training.execution import Execution
from hd2s.training.turns import Drawn
from tests.gpu.report import Row
from tests.gpu.right.training import Variant, largest
from tests.gpu.subjects import Bench

LIMIT = 1e-2
"""Of the largest gradient: the kernels are the same, but may add up in another order."""
BATCH = 2


def gradients(bench: Bench, variant: Variant) -> Row:
    """Record one micro-batch, repeat it with another one later in a training, and compare that one's."""
    if not bench.gpu:
        return {"left out": "needs CUDA"}
    learner = variant.learner(bench).to(bench.device).train()
    passes = CapturedPasses(learner, Execution(mixed_precision=False))

    def plain(drawn: Drawn, progress: Progress) -> None:
        for loss, _ in learner.losses(*drawn, progress):
            loss.backward()

    statistics = [buffer.clone() for buffer in learner.buffers()]
    found = []
    for run in (partial(repeat, passes), plain):
        for buffer, value in zip(learner.buffers(), statistics, strict=True):
            buffer.copy_(value)
        of_one(run, learner, variant, Progress(1, 4), seed=0)
        found.append(of_one(run, learner, variant, Progress(3, 4), seed=7))
    apart = largest(one - other for one, other in zip(*found, strict=True)) / largest(found[1])
    return {"found": apart, "limit": LIMIT, "ok": apart <= LIMIT}


def broken_recording(bench: Bench) -> Row:
    """Have an operation break a recording, and see that all is as if nothing had been tried."""
    if not bench.gpu:
        return {"left out": "needs CUDA"}
    recorder, stream = CudaGraphs(bench.device), torch.cuda.current_stream(bench.device)
    x, twice = torch.ones(64, 64, device=bench.device), torch.zeros(64, 64, device=bench.device)

    def drawn() -> Tensor:
        torch.manual_seed(0)
        return dropout(x)

    def asks_for_a_number() -> None:
        dropout(x).sum().item()

    def doubles() -> None:
        twice.copy_(x * 2)

    expected = drawn()
    try:
        recorder.record(asks_for_a_number)
    except RuntimeError:
        as_ever = torch.cuda.current_stream(bench.device) == stream and torch.equal(drawn(), expected)
        recorder.record(doubles)()
        return {"ok": as_ever and torch.equal(twice, x * 2)}
    return {"ok": False}


def repeat(passes: CapturedPasses, drawn: Drawn, progress: Progress) -> None:
    """Add up the gradients of a micro-batch by a graph, or raise RuntimeError."""
    if passes(drawn, progress) is None:
        raise RuntimeError("it cannot be recorded, or is off; a warning says why")


def of_one(
    run: Callable[[Drawn, Progress], None], learner: Learner, variant: Variant, progress: Progress, seed: int
) -> list[Tensor]:
    """Return the gradients of one micro-batch."""
    drawn = variant.drawn(learner, BATCH, seed)
    learner.zero_grad(set_to_none=True)
    torch.manual_seed(seed)
    run(drawn, progress)
    return [p.grad.double().clone() for p in learner.parameters() if p.grad is not None]
