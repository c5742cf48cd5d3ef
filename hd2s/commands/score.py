"""``python -m hd2s score``: score anybody's predictions, PNG files in the benchmark's submission layout.

    DIR/<video>/<frame>.png

`<video>` is a clip's identifier (leading zeros do not matter) and `<frame>` its number in the clip, from 1.
Predictions are 8-bit images of any size, of which the first channel counts, resized to the maps' size.
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import os
import re
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from datasets.corpora.registry import manifest_folder
from datasets.corpus import ClipError
from datasets.loading.scored_split import ScoredFrame, ScoredSplit
from datasets.reading.images import open_image
from hd2s.commands.plugins import add_plugins, register_plugins
from hd2s.metrics.averages import mean_of_defined
from hd2s.metrics.benchmark import is_constant, score_frame
from hd2s.metrics.definitions import known_metrics
from manifests import Problem, ProblemError

_LEFT_BEHIND = ("thumbs.db", "desktop.ini", "__macosx")  # by file managers, beside hidden files
_SHOWN = 5  # names of a kind in a problem


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    parser = commands.add_parser("score", help="score predictions of any model", description=__doc__)
    parser.add_argument("--predictions", type=Path, required=True, metavar="DIR", help="DIR/video/frame.png")
    parser.add_argument("--corpus", required=True, help="as indexed")
    parser.add_argument("--split", required=True, help="train, val, test")
    parser.add_argument(
        "--min-frames", type=int, default=1, metavar="N", help="leave clips of fewer frames out (HD2S: 16)"
    )
    parser.add_argument("--manifest", type=Path, help="its folder (default: manifests/CORPUS)")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count(), help="processes (default: one per core)"
    )
    parser.add_argument("--per-video", type=Path, metavar="CSV", help="write the means of every video")
    parser.add_argument("--json", action="store_true", help="print the means with all digits, for programs")
    add_plugins(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Score, and print the means.

    Raises:
        ProblemError: before anything is scored, with all that is wrong with the files.
    """
    register_plugins(options.plugins)
    folder = options.manifest or manifest_folder(options.corpus)
    split = ScoredSplit.open(str(folder), options.split, min_frames=options.min_frames)
    files = find_predictions(options.predictions, split, f"{options.corpus} {options.split}")
    longest_first = sorted(files, key=lambda name: -len(files[name]))
    read = folder, options.split, options.min_frames
    jobs = [_Job(*read, name, files[name], options.plugins) for name in longest_first]
    # Spawned, not forked: libraries that hold threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with _one_thread_each(), ProcessPoolExecutor(max(1, min(options.workers, len(jobs))), context) as pool:
        scored = list(track(pool.map(_score, jobs), "scoring", total=len(jobs), transient=True))
    scores = dict(sorted(zip(longest_first, scored, strict=True)))
    means = {name: _mean(found.rows) for name, found in scores.items()}
    if options.per_video:
        _write_csv(options.per_video, means, scores)
    told = _summary(scores, means)
    if options.json:
        sys.stdout.write(f"{json.dumps(told, indent=2)}\n")
    else:
        _print(told)


def find_predictions(folder: Path, split: ScoredSplit, where: str) -> dict[str, list[Path]]:
    """Return clip → the files of its frames, in order.

    Raises:
        ProblemError: listing every missing, misnamed, doubled and superfluous folder and file.
    """
    if not folder.is_dir():
        raise ProblemError(Problem(str(folder), "a folder of predictions", "none", "Check the path."))
    if not any(map(len, split.points)):
        raise ProblemError(Problem(where, "fixations to score on", "none", "Score on an annotated split."))
    found, problems = _by_key(folder, {*split.clips, *split.shorter}, "a video of the split")
    files = {}
    for name, clip in split.clips.items():
        place = found.get(_key(name))
        if place is None or not place.is_dir():
            expected = f"a folder of {clip.n_frames} frames"
            problems.append(Problem(str(folder / name), expected, "none", "Predict this video too."))
            continue
        numbers = [f"{i}.png" for i in range(1, clip.n_frames + 1)]
        frames, faults = _by_key(place, numbers, f"frames 1.png to {clip.n_frames}.png")
        missing = [number for number in numbers if _key(number) not in frames]
        if missing:
            remedy = "Every frame must be predicted."
            faults.append(Problem(str(place), f"{clip.n_frames} frames", f"no {_some(missing)}", remedy))
        problems += faults
        files[name] = [frames[_key(number)] for number in numbers if not missing]
    if problems:
        raise ProblemError(problems)
    return files


def _by_key(folder: Path, names: Iterable[str], what: str) -> tuple[dict[str, Path], list[Problem]]:
    """Return key → path of what a folder should hold, and what else it holds."""
    wanted = {_key(name) for name in names}
    found: dict[str, Path] = {}
    doubled, strange = [], []
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.lower() in _LEFT_BEHIND:
            continue
        key = _key(path.name)
        if key not in wanted:
            strange.append(path.name)
        elif key in found:
            doubled.append(path.name)
        else:
            found[key] = path
    problems = []
    if strange:
        problems.append(Problem(str(folder), what, _some(strange), "Rename or remove what is not."))
    if doubled:
        problems.append(Problem(str(folder), "each once", f"{_some(doubled)} again", "Remove one of each."))
    return found, problems


def _key(name: str) -> str:
    """Return a name whose numbers have lost their leading zeros."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", name.lower())


def _some(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


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
    clip: str
    files: list[Path]
    plugins: list[Path]


class _Scored(NamedTuple):
    """One clip's scores by all metrics, float64 (frames, metrics), and how many predictions are constant."""

    rows: np.ndarray
    constant: int


def _score(job: _Job) -> _Scored:
    """Score one clip."""
    register_plugins(job.plugins)
    split = ScoredSplit.open(str(job.manifest), job.split, min_frames=job.min_frames)
    rows, constant = [], 0
    size: tuple[int, ...] | None = None
    for i, file in enumerate(job.files):
        prediction = _read(file)
        size = size or prediction.shape
        _check_size(file, prediction.shape, size)
        constant += bool(is_constant(prediction))
        rows.append(_score_frame(prediction, split.frame(job.clip, i)))
    return _Scored(np.array(rows), constant)


def _check_size(file: Path, found: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if found != expected:
        wanted, had = (f"{width}x{height}" for height, width in (expected, found))
        remedy = "Write all of a video's predictions at one size."
        raise ProblemError(Problem(str(file), f"{wanted} as the video's first prediction", had, remedy))


def _score_frame(prediction: np.ndarray, frame: ScoredFrame) -> list[float]:
    scores = score_frame(
        prediction, frame.truth, frame.points, frame.pool, frame.key, metrics=known_metrics()
    )
    return list(scores.values())


def _read(file: Path) -> np.ndarray:
    """Read a prediction, uint8 (h, w): an image's first channel."""
    try:
        image = open_image(file.parent, file.name)
    except ClipError as error:
        raise ProblemError(Problem(str(file), error.expected, error.found, "Write it again.")) from error
    pixels = np.asarray(image.convert("RGB") if image.mode == "P" else image)
    if pixels.dtype != np.uint8:
        found = f"{pixels.dtype}"
        raise ProblemError(Problem(str(file), "an 8-bit image", found, "Save it as an 8-bit grey PNG."))
    return pixels if pixels.ndim == 2 else pixels[..., 0]


def _mean(rows: np.ndarray) -> np.ndarray:
    """Mean of each column without its NaN; NaN where nothing else is there."""
    return np.array([mean_of_defined(column) for column in rows.T])


def _write_csv(path: Path, means: dict[str, np.ndarray], scores: dict[str, _Scored]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
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
