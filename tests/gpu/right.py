"""Whether the device computes what the processor does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch

from tests.gpu import right_maps, right_training
from tests.gpu.report import Row
from tests.gpu.subjects import Bench, told


def rows(bench: Bench) -> Iterator[Row]:
    """Yield checks, each with what was found, what is allowed and whether it holds."""
    with float32_as_it_says():
        # A processor takes half a minute for each at the papers' sizes: there the device's float64 is exact.
        small = replace(bench, tiny=True)
        for model in bench.models:
            found = right_training.variants(model, bench)
            for variant, at in [(each, small) for each in found] + [(found[0], bench)] * (not bench.tiny):
                columns = {"check": "output and gradients", "model": model.word, "with": variant.title}
                columns["size"] = "small" if at.tiny else "the paper's"
                yield from told(
                    columns, lambda it=variant, on=at: right_training.gradients(on, it), check=True
                )
        yield from told(
            {"check": "metrics on the device"}, lambda: right_maps.metrics_on(bench.device), check=True
        )
        for model in bench.models:
            columns = {"check": "fast way of prediction", "model": model.word}
            yield from told(columns, lambda it=model: right_maps.fast_against_plain(bench, it), check=True)
    for model in bench.models:
        for variant in right_training.variants(model, bench)[: 1 if bench.tiny else None]:
            columns = {"check": "resumption", "model": model.word, "with": variant.title}
            yield from told(columns, lambda it=variant: right_training.resumption(bench, it), check=True)
        columns = {"check": "bfloat16's change of metrics", "model": model.word}
        yield from told(columns, lambda it=model: right_maps.change_by_bfloat16(bench, it))


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
