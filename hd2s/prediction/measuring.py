"""Measuring what predicting with a model costs: size and operations counted, speed and memory measured."""

from __future__ import annotations

import copy
import platform
import re
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import islice, repeat
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch

from hd2s.models.contract import SaliencyModel
from hd2s.prediction.cost import Cost
from hd2s.prediction.operations import by_shapes, bytes_of, frame_operations, window_operations
from hd2s.prediction.predictor import Predictor

_ROUNDS = 3
# More frames at a time are not tried once this many sizes in a row were no faster by the share below, or one
# has taken so many times what it was to be measured for: warming up takes a window or more.
_PATIENCE, _GAIN, _LONGEST = 2, 1.02, 30
_LARGEST = {"cuda": 128, "cpu": 16}


def measure(
    model: SaliencyModel,
    *,
    device: str = "cpu",
    precision: Literal["float32", "bfloat16"] = "float32",
    domain: str | None = None,
    seconds: float = 2.0,
    weights: str = "",
) -> Cost:
    """Measure the prediction of a clip that has begun, at the model's own size, frames being at hand.

    A model's fast way of predicting is measured where it has one, with its smoothing. Memory of a processor
    is the process' own at its most, so that each model needs a process of its own.

    Args:
        model: on the CPU.
        device: where it is to predict.
        precision: of the fast way.
        domain: the corpus whose own layers it takes, if it has such.
        seconds: that each number of frames at a time is measured, after it has warmed up.
        weights: the name of their file.

    Raises:
        ValueError: what the predictor does not allow.
    """
    counted = by_shapes(lambda place: _operations(copy.deepcopy(model).to(place).eval(), domain))
    options, window = asdict(model.config), model.config.input
    model = model.to(device).eval()
    found = _sizes(model, device, precision, domain, seconds)
    if not found:
        raise ValueError(f"{model.declaration.word}: not even one frame at a time fits into {device}")
    best = max(found, key=lambda size: size.rate)
    return Cost(
        model=model.declaration.word,
        title=model.declaration.title,
        options=options,
        weights=weights,
        frames=window.frames,
        height=window.height,
        width=window.width,
        precision=precision,
        device=device_name(device),
        versions={"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__},
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        size=bytes_of(model),
        window_operations=counted[0],
        frame_operations=counted[1],
        single=found[0].rate,
        best=best.rate,
        batch=best.batch,
        memory=best.memory,
    )


def _operations(model: SaliencyModel, domain: str | None) -> tuple[int, int]:
    return window_operations(model, domain), frame_operations(model, domain)


class _Size(NamedTuple):
    """A number of frames at a time: frames a second, and the most memory so far."""

    batch: int
    rate: float
    memory: int | None


def _sizes(
    model: SaliencyModel,
    device: str,
    precision: Literal["float32", "bfloat16"],
    domain: str | None,
    seconds: float,
) -> list[_Size]:
    """Measure one frame at a time, and more as long as they are faster and fit."""
    found: list[_Size] = []
    for batch in _batches(device):
        start = time.perf_counter()
        if torch.device(device).type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        try:
            predictor = Predictor(model, batch=batch, device=device, precision=precision, domain=domain)
            rate = _rate(predictor, batch, seconds)
        except torch.OutOfMemoryError:
            break
        found.append(_Size(batch, rate, _memory(device)))
        long = time.perf_counter() - start > _LONGEST * seconds
        if long or _has_settled([size.rate for size in found]):
            break
    return found


def device_name(device: str) -> str:
    """Name a device as people know it, a processor with the threads that compute."""
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{_processor()}, {threads} thread{'s' if threads > 1 else ''}"


def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        told = ""
    found = re.search(r"^model name\s*: (.+)$", told, re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()


def _batches(device: str) -> Iterator[int]:
    batch = 1
    while batch <= _LARGEST.get(torch.device(device).type, _LARGEST["cpu"]):
        yield batch
        batch *= 2


def _has_settled(rates: list[float]) -> bool:
    """Whether the last sizes were no faster than those before them."""
    before, last = rates[:-_PATIENCE], rates[-_PATIENCE:]
    return bool(before) and max(last) < _GAIN * max(before)


def _rate(predictor: Predictor, batch: int, seconds: float) -> float:
    """Return frames a second, the median of rounds."""
    size = predictor.input.size
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    # Of this device alone: for all of a machine's GPUs each would be begun, with a warning.
    with torch.random.fork_rng([predictor.device] if predictor.device.type == "cuda" else []):
        maps = predictor.whole_windows(repeat(frame))
        # The first maps wait for a whole window; those of a model that answers every frame come all at once.
        _take(maps, batch + predictor.input.frames * (predictor.input.answers == "every"))
        return float(np.median([_round(maps, batch, seconds / _ROUNDS) for _ in range(_ROUNDS)]))


def _round(maps: Iterator[np.ndarray], batch: int, seconds: float) -> float:
    n, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds or not n:
        n += _take(maps, batch)
    return n / elapsed


def _take(maps: Iterator[np.ndarray], n: int) -> int:
    return sum(1 for _ in islice(maps, n))


def _memory(device: str) -> int | None:
    """Return the most memory so far."""
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    # Not what `resource` tells, which counts what the parent held when this process was started.
    try:
        told = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"^VmHWM:\s+(\d+) kB$", told, re.MULTILINE)
    return int(found[1]) * 1024 if found else None
