"""Whether the device computes what the processor does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch

from tests.gpu.report import Row
from tests.gpu.right import captured, maps, training
from tests.gpu.right.training import Variant
from tests.gpu.subjects import Bench, told


def rows(bench: Bench) -> Iterator[Row]:
    """Yield checks, each with what was found, what is allowed and whether it holds."""
    with float32_as_it_says():
        # A processor takes half a minute for each at the papers' sizes: there the device's float64 is exact.
        small = replace(bench, tiny=True)
        for model in bench.models:
            yield from of_gradients(small, training.variants(model, bench)[:1])
        for variant in (each for model in bench.models for each in training.variants(model, bench)):
            if variant.capturable:
                columns = {"check": "CUDA graphs", "model": variant.model.word, "with": variant.title}
                yield from told(columns, lambda it=variant: captured.gradients(small, it), check=True)
        yield from told({"check": "metrics on the device"}, lambda: maps.metrics_on(bench.device), check=True)
        for model in bench.models:
            columns = {"check": "fast way of prediction", "model": model.word}
            yield from told(columns, lambda it=model: maps.fast_against_plain(bench, it), check=True)
    for model in bench.models:
        yield from of_resumption(bench, training.variants(model, bench)[:1])
        columns = {"check": "bfloat16's change of metrics", "model": model.word}
        yield from told(columns, lambda it=model: maps.change_by_bfloat16(bench, it))
    with float32_as_it_says():
        for model in bench.models:
            variants = training.variants(model, bench)
            yield from of_gradients(small, variants[1:])
            yield from of_gradients(bench, [] if bench.tiny else variants[:1])
    for model in () if bench.tiny else bench.models:
        yield from of_resumption(bench, training.variants(model, bench)[1:])
    # Last of all: what it finds wrong may be wrong with the process from then on.
    yield from told(
        {"check": "a recording that breaks"}, lambda: captured.broken_recording(bench), check=True
    )


def of_gradients(bench: Bench, variants: Sequence[Variant]) -> Iterator[Row]:
    """Yield checks of output and gradients."""
    for variant in variants:
        columns = {"check": "output and gradients", "model": variant.model.word, "with": variant.title}
        columns["size"] = "small" if bench.tiny else "the paper's"
        yield from told(columns, lambda it=variant: training.gradients(bench, it), check=True)


def of_resumption(bench: Bench, variants: Sequence[Variant]) -> Iterator[Row]:
    """Yield checks of resumption."""
    for variant in variants:
        columns = {"check": "resumption", "model": variant.model.word, "with": variant.title}
        yield from told(columns, lambda it=variant: training.resumption(bench, it), check=True)


@contextmanager
def float32_as_it_says() -> Iterator[None]:
    """Suspend TF32, whose 10 bits PyTorch lets stand for float32 in convolutions."""
    backends = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [backend.allow_tf32 for backend in backends]
    for backend in backends:
        backend.allow_tf32 = False
    try:
        yield
    finally:
        for backend, allowed in zip(backends, before, strict=True):
            backend.allow_tf32 = allowed
