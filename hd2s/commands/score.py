"""``python -m hd2s score``: score anybody's predictions, images in the benchmark's submission layout.

    DIR/<video>/<frame>.png

`<video>` is a clip's identifier, as its corpus is known on disk, and `<frame>` its number, from 1 or as the
clip's own frames have it; names and images are read as indexing reads them. A photograph's may be
DIR/<photograph>.png.
Predictions are 8-bit images of any size, of which the first channel counts, resized to the maps' size as
MATLAB's bicubic imresize does, and not rounded again. A corpus' maps have 8 bits, also those that are made of
its fixations.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from datasets.corpora.registry import manifest_folder
from datasets.corpus import ClipError, Entry
from datasets.damaged import changed, require_as_indexed
from datasets.loading.scored_split import ScoredFrame, ScoredSplit
from datasets.reading.pixels import coloured_pixels
from hd2s.commands.plugins import add_plugins, register_plugins
from hd2s.commands.processes import fresh_processes, whole_number
from hd2s.commands.submission import Predicted, find_predictions, read_predictions
from hd2s.commands.writable import require_file
from hd2s.metrics.averages import mean_of_defined
from hd2s.metrics.benchmark import is_constant, score_frame
from hd2s.metrics.definitions import known_metrics
from manifests import Problem, ProblemError


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    parser = commands.add_parser("score", help="score predictions of any model", description=__doc__)
    parser.add_argument("--predictions", type=Path, required=True, metavar="DIR", help="DIR/video/frame.png")
    parser.add_argument("--corpus", required=True, help="as indexed")
    parser.add_argument("--split", required=True, help="train, val, test")
    parser.add_argument(
        "--min-frames",
        type=whole_number,
        default=1,
        metavar="N",
        help="leave clips of fewer frames out (HD2S: 16)",
    )
    parser.add_argument("--manifest", type=Path, help="its folder (default: manifests/CORPUS)")
    parser.add_argument(
        "--workers", type=whole_number, default=os.cpu_count(), help="processes (default: one per core)"
    )
    parser.add_argument("--per-video", type=Path, metavar="CSV", help="write the means of every video")
    parser.add_argument("--json", action="store_true", help="print the means with all digits, for programs")
    add_plugins(parser)
    parser.set_defaults(run=run, when_interrupted="Nothing was written; the same command begins again.")


def run(options: argparse.Namespace) -> None:
    """Score, and print the means.

    Raises:
        ProblemError: before anything is scored, with all that is wrong with the files.
    """
    register_plugins(options.plugins)
    if options.per_video:
        require_file("--per-video", options.per_video)
    folder = options.manifest or manifest_folder(options.corpus)
    split = ScoredSplit.open(str(folder), options.split, min_frames=options.min_frames)
    entries, told = find_predictions(options.predictions, split, f"{options.corpus} {options.split}")
    names = sorted(entries, key=lambda name: -split.clips[name].n_frames)  # the longest first
    read = folder, options.split, options.min_frames, options.predictions
    jobs = [_Job(*read, entries[name], options.plugins) for name in names]
    with _one_thread_each(), fresh_processes(max(1, min(options.workers, len(jobs)))) as pool:
        predicted = _all_sound(track(pool.map(_read, jobs), "reading", total=len(jobs), transient=True))
        told += [line for of_clip in predicted for line in of_clip.noticed]
        sys.stderr.write("".join(f"{line}\n" for line in told))
        results = pool.map(_score, jobs, predicted)
        scored = list(track(results, "scoring", total=len(jobs), transient=True))
    scores = dict(sorted(zip(names, scored, strict=True)))
    means = {name: _mean(found.rows) for name, found in scores.items()}
    summary = _summary(scores, means)
    if options.json:
        sys.stdout.write(f"{json.dumps(summary, indent=2)}\n")
    else:
        _print(summary)
    # Last: where it cannot be written, the means are there all the same.
    if options.per_video:
        _write_csv(options.per_video, means, scores)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let processes that are started meanwhile leave the cores to each other.

    By their environment from the start: NumPy's BLAS reads it when it is loaded, before any initializer runs.
    """
    before = dict(os.environ)
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


class _Job(NamedTuple):
    """One clip to score, in a process that knows nothing yet."""

    manifest: Path
    split: str
    min_frames: int
    predictions: Path
    entry: Entry
    plugins: list[Path]

    def open(self) -> ScoredSplit:
        return ScoredSplit.open(str(self.manifest), self.split, min_frames=self.min_frames)


class _Scored(NamedTuple):
    """One clip's scores by all metrics, float64 (frames, metrics), and how many predictions are strange."""

    rows: np.ndarray
    constant: int
    coloured: int
    turned: int


def _read(job: _Job) -> Predicted | list[Problem]:
    """Decode one clip's predictions, or say all that is wrong with them and with the clip."""
    try:
        split = job.open()
        clip = split.clips[job.entry.clip]
        require_as_indexed(split.manifest.root, clip)
        return read_predictions(job.predictions, job.entry, clip)
    except ProblemError as error:
        return list(error.problems)


def _all_sound(read: Iterable[Predicted | list[Problem]]) -> list[Predicted]:
    """Return what was read.

    Raises:
        ProblemError: with the problems of all clips.
    """
    clips = list(read)
    problems = [problem for clip in clips if isinstance(clip, list) for problem in clip]
    if problems:
        raise ProblemError(problems)
    return [clip for clip in clips if isinstance(clip, Predicted)]


def _score(job: _Job, predicted: Predicted) -> _Scored:
    """Score one clip."""
    register_plugins(job.plugins)
    split, rows = job.open(), []
    constant = coloured = turned = 0
    for i, colours in enumerate(predicted.frames()):
        prediction = colours[..., 0]
        constant += bool(is_constant(prediction))
        coloured += bool(coloured_pixels(colours))
        frame = _scored_frame(split, job.entry.clip, i)
        turned += _is_turned(prediction.shape, frame.truth.shape)
        rows.append(_score_frame(prediction, frame))
    return _Scored(np.array(rows), constant, coloured, turned)


def _scored_frame(split: ScoredSplit, name: str, i: int) -> ScoredFrame:
    try:
        return split.frame(name, i)
    except ClipError as error:
        raise changed(split.manifest.root, split.clips[name], error) from error


def _is_turned(found: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    """Whether one of two sizes is upright and the other wide; other sizes than the maps' are usual."""
    (height, width), (rows, columns) = found, expected
    return (height > width) != (rows > columns) and height != width and rows != columns


def _score_frame(prediction: np.ndarray, frame: ScoredFrame) -> list[float]:
    scores = score_frame(
        prediction, frame.truth, frame.points, frame.pool, frame.key, metrics=known_metrics()
    )
    return list(scores.values())


def _mean(rows: np.ndarray) -> np.ndarray:
    """Mean of each column without its NaN; NaN where nothing else is there."""
    return np.array([mean_of_defined(column) for column in rows.T])


def _write_csv(path: Path, means: dict[str, np.ndarray], scores: dict[str, _Scored]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["video", "frames", *known_metrics()])
        table.writerows([name, len(scores[name].rows), *row.tolist()] for name, row in means.items())


def _summary(scores: dict[str, _Scored], means: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the benchmark's mean, over frames, and that of the videos' means; None for none."""
    frames = np.concatenate([found.rows for found in scores.values()])
    columns = zip(
        _mean(frames), _mean(np.stack(list(means.values()))), (~np.isnan(frames)).sum(axis=0), strict=True
    )
    return {
        "frames": len(frames),
        "constant": sum(found.constant for found in scores.values()),
        "coloured": sum(found.coloured for found in scores.values()),
        "turned": sum(found.turned for found in scores.values()),
        "metrics": {
            metric: {
                "over_frames": _plain(over_frames),
                "over_videos": _plain(over_videos),
                "scored": int(count),
            }
            for metric, (over_frames, over_videos, count) in zip(known_metrics(), columns, strict=True)
        },
    }


def _plain(mean: np.float64) -> float | None:
    return None if np.isnan(mean) else float(mean)


def _print(told: dict[str, Any]) -> None:
    table = Table("metric", "mean over frames", "mean over videos", "frames scored")
    for metric, found in told["metrics"].items():
        written = (
            "nan" if mean is None else f"{mean:.4f}" for mean in (found["over_frames"], found["over_videos"])
        )
        table.add_row(metric, *written, f"{found['scored']} of {told['frames']}")
    Console().print(table)
    if told["constant"]:
        Console().print(
            f"‡ {told['constant']} of {told['frames']} predictions are constant (one value in the whole"
            " image) and count as chance: NSS 0, CC 0, AUC-J and s-AUC 0.5."
        )
    if told["coloured"]:
        Console().print(
            f"{told['coloured']} of {told['frames']} predictions are in colour: their red channel counts, as"
            " in the benchmark. Save maps in grey."
        )
    if told["turned"]:
        Console().print(
            f"{told['turned']} of {told['frames']} predictions are upright where maps are wide, or wide where"
            " these are upright, and were stretched to their size. Save them as the frames are."
        )
