"""How many operations a model takes, and what a device's memory allows of them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from hd2s.layers.folded import Casting
from hd2s.models.declaration import Model
from tests.gpu.subjects import Bench, clips_of

_STEP = 3
"""A training step on a clip: its forward pass, and gradients of what goes in and of the weights."""


def of_window(bench: Bench, declaration: Model) -> int:
    """Return the floating-point operations of a forward pass on one window."""
    if declaration.word not in bench.operations:
        model = bench.model(declaration).eval()
        clips = clips_of(model, 1, device=bench.device)
        with torch.inference_mode():
            bench.operations[declaration.word] = _counted(lambda: model(clips))
    return bench.operations[declaration.word]


def of_frame(bench: Bench, declaration: Model, method: str) -> int:
    """Return the operations of one more frame of a clip that has begun, by a way of prediction."""
    model = bench.model(declaration).eval()
    window = model.config.input
    with torch.inference_mode():
        stream = model.stream(Casting(bench.device, torch.float32, None)) if method == "fast" else None
        if stream is None:
            return of_window(bench, declaration) // len(window.answered(window.frames))
        push, frames = stream.begin(), clips_of(model, 1, device=bench.device)
        for _ in range(window.step):
            push(frames)
        return _counted(lambda: push(frames[:, :, :1]))


def training_limit(bench: Bench, declaration: Model, *, bfloat16: bool) -> float | None:
    """Return the clips per second that memory allows a training; None for a model of unknown traffic."""
    if declaration.traffic is None:
        return None
    return _limit(bench, _STEP * of_window(bench, declaration), declaration.traffic.training, bfloat16)


def prediction_limit(bench: Bench, declaration: Model, method: str, *, bfloat16: bool) -> float | None:
    """Return the frames per second that memory allows a prediction; None for a model of unknown traffic."""
    if declaration.traffic is None:
        return None
    return _limit(bench, of_frame(bench, declaration, method), declaration.traffic.prediction, bfloat16)


def _limit(bench: Bench, operations: int, bytes_each: float, bfloat16: bool) -> float:
    return bench.bandwidth / (operations * bytes_each * (1 if bfloat16 else 2))


def _counted(work: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()
