"""Hours of the paper's Tables 5 to 7 on this device, from what training and prediction reached."""

from __future__ import annotations

from collections.abc import Iterator

from hd2s.models.declaration import Model
from tests.gpu.report import Row
from tests.gpu.subjects import Bench

TRAININGS, WITH_TARGET = 18, 7
"""Of the tables; those that see as many clips of their target beside those of their source."""
TEST_FRAMES = 3.0e6
"""Of the tables' 29 evaluations, about; all counted with the papers' corpora."""


def rows(bench: Bench) -> Iterator[Row]:
    """Yield hours by the fastest of each, by all from files on, and by what memory allows."""
    for model in bench.models:
        clips = (TRAININGS + WITH_TARGET) * clips_of_training(model)
        best, limits = (
            _best(bench, model, "training", "clips/s"),
            _best(bench, model, "training", "limit, clips/s"),
        )
        frames = _best(bench, model, "prediction", "frames/s")
        frame_limit = _best(bench, model, "prediction", "limit, frames/s")
        files = _best(bench, model, "whole", "clips/s", "training")
        evaluation = _best(bench, model, "whole", "frames/s", "evaluation")
        for title, per_clip, per_frame in (
            ("model alone, fastest", best, frames),
            ("from files", files, evaluation),
            ("memory's limit", limits, frame_limit),
        ):
            yield {"model": model.word, "by": title} | hours(clips, per_clip, per_frame)


def clips_of_training(model: Model) -> int:
    """Return the source's clips in a training of the model's paper."""
    names = {"iterations": 2500, "accumulate": 25, "micro_batch": 8}
    iterations, accumulate, size = (int(model.settings.get(f"train.{n}", v)) for n, v in names.items())
    return iterations * accumulate * size


def hours(clips: float, per_clip: float | None, per_frame: float | None) -> Row:
    """Return hours of trainings, of evaluations and of both, from clips and frames per second."""
    if per_clip is None or per_frame is None:
        return {"left out": "training or prediction was not measured, or what memory allows is not known"}
    training, evaluation = clips / per_clip / 3600, TEST_FRAMES / per_frame / 3600
    return {"trainings, h": training, "evaluations, h": evaluation, "together, h": training + evaluation}


def _best(bench: Bench, model: Model, part: str, column: str, what: str | None = None) -> float | None:
    rows = [row for row in bench.rows.get(part, []) if row.get("model") == model.word and column in row]
    return max((row[column] for row in rows if what in (None, row.get("what"))), default=None)
