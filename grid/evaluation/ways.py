"""Two ways from a clip's predictions to its scores: each frame by a thread, or batches of them on a device.

What a frame is scored on depends on no prediction. So on a device threads read maps and draw other fixations
before the model has come so far, and one more has it compute a batch's metrics while the next is predicted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from datasets.loading.scored_split import ScoredFrame, ScoredSplit
from grid.evaluation.pictures import Sketch
from hd2s.metrics.batches import score_batch
from hd2s.metrics.benchmark import as_submitted, is_constant, other_fixations_of, score_frame
from hd2s.metrics.definitions import find_metric

_WAITING_FOR_A_THREAD = 4  # frames
_BATCH, _BATCHES_WAITING = 64, 2  # frames; at 360 × 640 scoring so many takes one to two GiB

Item = TypeVar("Item")
Result = TypeVar("Result")
Row = tuple[float, ...]
"""A frame's number of fixations, and its scores."""


@dataclass(frozen=True)
class Asked:
    """How predictions are scored; `score_clip` says what each is. `constant` takes numbers of frames."""

    metrics: Sequence[str]
    eight_bit: bool
    truncate: bool
    constant: set[int] = field(default_factory=set)

    def on_device(self, device: torch.device) -> bool:
        """Whether a device computes them: a GPU, of metrics that all can be computed of many frames."""
        return device.type != "cpu" and all(find_metric(name).of_batch for name in self.metrics)


@dataclass(frozen=True)
class ClipFrames:
    """The frames of a clip, as they are scored on: its split, its name, where its maps lie, its picture."""

    split: ScoredSplit
    name: str
    maps: Path | None
    sketch: Sketch

    def __len__(self) -> int:
        return self.split.clips[self.name].n_frames

    def read(self, i: int) -> ScoredFrame:
        """Read frame `i`, from 0."""
        return self.split.frame(self.name, i, self.maps)

    def show(self, i: int, frame: ScoredFrame, prediction: np.ndarray) -> None:
        """Have the picture drawn, if it is this frame's."""
        self.sketch.take(i, frame.points, frame.truth, prediction)


def by_threads(
    asked: Asked, clip: ClipFrames, predictions: Iterable[np.ndarray], pool: ThreadPoolExecutor, threads: int
) -> Iterator[Row]:
    """Yield each frame's row; each is read and scored by one of the pool's threads.

    Raises:
        ValueError: a prediction is not finite.
    """

    def score(i: int, prediction: np.ndarray) -> Row:
        frame = clip.read(i)
        clip.show(i, frame, prediction)
        image = as_submitted(prediction, eight_bit=asked.eight_bit, truncate=asked.truncate)
        own = frame.truth, frame.points, frame.pool, frame.key
        scores = score_frame(image, *own, eight_bit=asked.eight_bit, metrics=asked.metrics)
        if is_constant(image):
            asked.constant.add(i)
        return len(frame.points), *scores.values()

    def told(i: int, prediction: np.ndarray) -> Row:
        try:
            return score(i, prediction)
        except ValueError as error:
            raise ValueError(f"clip {clip.name}, frame {i}: {error}") from error

    return mapped(pool, told, predictions, _WAITING_FOR_A_THREAD * threads)


def in_batches(
    asked: Asked,
    clip: ClipFrames,
    predictions: Iterable[np.ndarray],
    pool: ThreadPoolExecutor,
    device: torch.device,
) -> Iterator[Row]:
    """Yield each frame's row; the pool's threads read ahead, and a device scores.

    Raises:
        ValueError: a prediction is not finite.
    """

    def read(_: int, i: int) -> tuple[ScoredFrame, np.ndarray]:
        frame = clip.read(i)
        return frame, other_fixations_of(frame.pool, frame.truth.shape, frame.key)

    def frames() -> Iterator[tuple[np.ndarray, ScoredFrame, np.ndarray]]:
        # What is read first: then reading has begun before the first prediction is waited for.
        truths = mapped(pool, read, range(len(clip)), 2 * _BATCH)
        for i, ((frame, others), prediction) in enumerate(zip(truths, predictions, strict=True)):
            clip.show(i, frame, prediction)
            yield prediction, frame, others

    def score(batch: int, found: list[tuple[np.ndarray, ScoredFrame, np.ndarray]]) -> list[Row]:
        try:
            return _scored(asked, found, batch * _BATCH, device)
        except ValueError as error:
            raise ValueError(f"clip {clip.name}, {error}") from error

    taken = frames()
    with ThreadPoolExecutor(1) as scorer:
        for rows in mapped(scorer, score, iter(lambda: list(islice(taken, _BATCH)), []), _BATCHES_WAITING):
            yield from rows


def _scored(
    asked: Asked,
    found: Sequence[tuple[np.ndarray, ScoredFrame, np.ndarray]],
    first: int,
    device: torch.device,
) -> list[Row]:
    predictions, frames, others = zip(*found, strict=True)
    images, truths = (_stacked(each, device) for each in (predictions, [frame.truth for frame in frames]))
    points = [frame.points for frame in frames]
    constant, scores = score_batch(
        *(images, truths, points, others),
        metrics=asked.metrics,
        eight_bit=asked.eight_bit,
        truncate=asked.truncate,
        first=first,
    )
    asked.constant.update(first + i for i in constant.nonzero()[:, 0].tolist())
    return [(len(at), *row) for at, row in zip(points, scores.T.tolist(), strict=True)]


def _stacked(images: Sequence[np.ndarray], device: torch.device) -> torch.Tensor:
    stacked = torch.from_numpy(np.stack(images))
    return (stacked.pin_memory() if device.type == "cuda" else stacked).to(device, non_blocking=True)


def mapped(
    pool: ThreadPoolExecutor, function: Callable[[int, Item], Result], items: Iterable[Item], waiting: int
) -> Iterator[Result]:
    """Yield function(i, item) in order, with no more than `waiting` items held."""
    pending: deque[Future[Result]] = deque()
    for i, item in enumerate(items):
        pending.append(pool.submit(function, i, item))
        if len(pending) > waiting:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
