"""One clip from its files to its rows of scores: decoding, prediction and metrics at the same time.

Prediction is on the calling thread; one thread decodes ahead of it and others score behind it. FFmpeg,
Pillow, PyTorch and NumPy let go of the interpreter while they work, so that a GPU is not kept waiting.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pyarrow as pa
import torch

from datasets.loading.scored_split import ScoredSplit
from datasets.reading.video import iter_frames
from datasets.remote import at_hand
from datasets.resizing import DEFAULT_RESIZING, Size
from grid.evaluation.pictures import Sketch
from grid.evaluation.ways import Asked, ClipFrames, by_threads, in_batches
from hd2s.metrics import METRICS

_FRAMES_DECODED_AHEAD = 64


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
    device: torch.device | str = "cpu",
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
        device: a GPU computes the metrics in batches, where all of them can be; otherwise the threads do, a
            frame at a time (`grid.evaluation.ways`).

    Returns:
        Columns clip (string), frame (int32), n_fixations (int32) and a float64 column for each metric.

    Raises:
        ProblemError: the clip is no longer what was indexed.
        ClipError: one of its maps cannot be read, or has another size than its frames.
        ValueError: a prediction is not finite.
    """
    clip, root = split.clips[name], split.manifest.root
    asked = Asked(metrics, eight_bit, truncate, set() if constant is None else constant)
    sketch, device = sketch or Sketch(name, None), torch.device(device)
    with (
        at_hand(root, clip, "frames") as media,
        at_hand(root, clip, "maps") as maps,
        closing(_ahead(iter_frames(media, clip, size, resizing=resizing))) as frames,
        ThreadPoolExecutor(threads) as pool,
    ):
        predictions, scored = predictor(sketch.passing(frames)), ClipFrames(split, name, maps, sketch)
        if asked.on_device(device):
            rows = list(in_batches(asked, scored, predictions, pool, device))
        else:
            rows = list(by_threads(asked, scored, predictions, pool, threads))
    return _as_table(name, metrics, rows)


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
