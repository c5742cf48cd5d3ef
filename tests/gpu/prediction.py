"""How fast models predict the frames of a clip that lies in memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import cycle, islice

from hd2s.models.declaration import Model
from hd2s.prediction.predictor import Predictor
from tests.gpu import operations
from tests.gpu.report import Row
from tests.gpu.subjects import Bench, frames_of, told


def rows(bench: Bench) -> Iterator[Row]:
    """Yield frames per second, and their share of what memory allows, by batch, way and precision."""
    for model in bench.models:
        for method, precision in (
            ("fast", "bfloat16"),
            ("fast", "float32"),
            ("plain", "float32"),
            ("plain", "bfloat16"),
        ):
            columns = {"model": model.word, "way": method, "precision": precision}
            if (method, precision) == ("plain", "bfloat16"):
                yield columns | {"left out": "the plain way is the reference, in float32 alone"}
                continue
            limit = operations.prediction_limit(bench, model, method, bfloat16=precision == "bfloat16")
            for batch in (8,) if bench.tiny else (16, 32, 64):
                options = {"method": method, "precision": precision, "batch": batch}
                yield from told(
                    columns | {"batch": batch},
                    lambda it=model, given=options, most=limit: predicted(bench, it, given, most),
                )


def predicted(bench: Bench, declaration: Model, options: dict, limit: float | None) -> Row:
    """Time the frames of an endless clip, its beginning left out."""
    model = bench.model(declaration).eval()
    predictor = Predictor(model, device=bench.device, **options)
    span, batch = model.config.input.span, options["batch"]
    maps = predictor(cycle(frames_of(model, 2 * batch).numpy()))
    for _ in islice(maps, -(-2 * span // batch) * batch + batch):
        pass
    count, begun = 0, time.perf_counter()
    while not count or time.perf_counter() - begun < bench.seconds:
        count += sum(1 for _ in islice(maps, batch))
    rate = count / (time.perf_counter() - begun)
    return {"frames/s": rate} | (
        {} if limit is None else {"of limit": rate / limit, "limit, frames/s": limit}
    )
