"""One clip from its files to its rows of scores: decoding, prediction and metrics at the same time.

Prediction is on the calling thread; one thread decodes ahead of it and others score behind it. FFmpeg,
Pillow, PyTorch and NumPy let go of the interpreter while they work, so that a GPU is not kept waiting.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pyarrow as pa

from datasets.loading.scored_split import ScoredFrame, ScoredSplit
from datasets.reading.video import iter_frames
from datasets.remote import at_hand
from datasets.resizing import DEFAULT_RESIZING, Size
from grid.evaluation.pictures import Sketch
from hd2s.metrics import METRICS
from hd2s.metrics.benchmark import as_submitted, is_constant, score_frame

_FRAMES_DECODED_AHEAD, _FRAMES_WAITING_FOR_A_THREAD = 64, 4


def score_clip(
    split: ScoredSplit,
    name: str,
    *,
    predictor: Callable[[Iterable[np.ndarray]], Iterator[np.ndarray]],
    size: Size,
    threads: int,
    eight_bit: bool,
    truncate: bool = False,
    resizing: str = DEFAULT_RESIZING,
    metrics: Sequence[str] = METRICS,
    sketch: Sketch | None = None,
    constant: set[int] | None = None,
) -> pa.Table:
    """Score every frame of a clip.

    Args:
        split: the test split.
        name: the clip.
        predictor: frames uint8 (H, W, 3) at `size` -> a map float32 (H, W) of each.
        size: (height, width) of the model's input.
        threads: that score.
        eight_bit: predictions become 8-bit images first, as the benchmark receives them.
        truncate: rounded down then, not to the nearest.
        resizing: by which rule frames come to `size` (`datasets.resizing`).
        metrics: by which.
        sketch: draws one of the frames; None for no picture.
        constant: takes the numbers of the frames whose predictions have one value alone.

    Returns:
        Columns clip (string), frame (int32), n_fixations (int32) and a float64 column for each metric.

    Raises:
        ProblemError: the clip is no longer what was indexed.
        ClipError: one of its maps cannot be read, or has another size than its frames.
        ValueError: a prediction is not finite.
    """
    clip, root = split.clips[name], split.manifest.root
    sketch, without_contrast = sketch or Sketch(name, None), set() if constant is None else constant

    def score(i: int, prediction: np.ndarray) -> tuple[float, ...]:
        frame = split.frame(name, i, maps)
        sketch.take(i, frame.points, frame.truth, prediction)
        try:
            submitted = as_submitted(prediction, eight_bit=eight_bit, truncate=truncate)
            flat, scores = _score(submitted, frame, eight_bit, metrics)
        except ValueError as error:
            raise ValueError(f"clip {name}, frame {i}: {error}") from error
        if flat:
            without_contrast.add(i)
        return len(frame.points), *scores

    with (
        at_hand(root, clip, "frames") as media,
        at_hand(root, clip, "maps") as maps,
        closing(_ahead(iter_frames(media, clip, size, resizing=resizing))) as frames,
        ThreadPoolExecutor(threads) as pool,
    ):
        waiting = _FRAMES_WAITING_FOR_A_THREAD * threads
        rows = list(_mapped(pool, score, predictor(sketch.passing(frames)), waiting))
    return _as_table(name, metrics, rows)


def _score(
    submitted: np.ndarray, frame: ScoredFrame, eight_bit: bool, metrics: Sequence[str]
) -> tuple[bool, list[float]]:
    """Say whether a prediction has one value alone, and score it."""
    scores = score_frame(
        submitted, frame.truth, frame.points, frame.pool, frame.key, eight_bit=eight_bit, metrics=metrics
    )
    return bool(is_constant(submitted)), list(scores.values())


def _as_table(clip: str, metrics: Sequence[str], rows: Sequence[tuple[float, ...]]) -> pa.Table:
    """Make a clip's table of each frame's number of fixations and scores."""
    counts, *columns = zip(*rows, strict=True)
    scores = zip(metrics, columns, strict=True)
    return pa.table(
        {
            "clip": pa.array([clip] * len(rows), pa.string()),
            "frame": pa.array(range(len(rows)), pa.int32()),
            "n_fixations": pa.array(counts, pa.int32()),
            **{metric: pa.array(column, pa.float64()) for metric, column in scores},
        }
    )


def _mapped(
    pool: ThreadPoolExecutor,
    function: Callable[[int, np.ndarray], tuple[float, ...]],
    items: Iterable[np.ndarray],
    waiting: int,
) -> Iterator[tuple[float, ...]]:
    """Yield function(i, item) in order, with no more than `waiting` items held."""
    pending: deque = deque()
    for i, item in enumerate(items):
        pending.append(pool.submit(function, i, item))
        if len(pending) > waiting:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _ahead(frames: Iterator[np.ndarray]) -> Generator[np.ndarray, None, None]:
    """Yield what another thread takes from an iterator ahead of time; its error comes in its place."""
    buffer: queue.Queue = queue.Queue(_FRAMES_DECODED_AHEAD)
    abandoned = threading.Event()

    def put(item: object) -> None:
        while not abandoned.is_set():
            try:
                return buffer.put(item, timeout=0.1)
            except queue.Full:
                continue
        return None

    def produce() -> None:
        last: object = None
        try:
            for frame in frames:
                put(frame)
                if abandoned.is_set():
                    return
        except Exception as error:  # noqa: BLE001 - raised where the frames are asked for
            last = error
        put(last)

    thread = threading.Thread(target=produce, daemon=True)
    thread.start()
    try:
        while isinstance(item := buffer.get(), np.ndarray):
            yield item
        if item is not None:
            raise item
    finally:
        abandoned.set()
        thread.join()
