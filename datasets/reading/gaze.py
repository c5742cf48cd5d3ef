"""Recorded gaze turned into fixations: tables of subject, time, x and y, as trackers and people write them.

A fixation is a stretch of one subject's samples of at least `shortest_ms` in which x and y together spread
by at most `dispersion` (Salvucci and Goldberg, ETRA 2000, I-DT). It lies at the mean of its samples, and ends
where they pause for longer than `shortest_ms` and two of their usual intervals: nobody knows where eyes that
were lost have looked.
"""

from __future__ import annotations

import csv
import math
import re
from bisect import bisect_right
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.corpus import ClipError, Rows
from manifests.problem import suggest

COLUMNS = ("subject", "time", "x", "y")
_MISSING = {"", ".", "-", "nan", "na", "n/a", "null", "none", "inf", "-inf"}
_PAUSE = 2.0  # intervals between samples
_SLACK_MS = 100.0  # by which trackers start sooner and stop later than a video
_MS = {"s": 1000.0, "ms": 1.0, "us": 0.001}


@dataclass(frozen=True)
class Screen:
    """What a recording's numbers mean.

    Attributes:
        time: s, ms, us, or frame: the number of a frame, from 1.
        position: video (its pixels, 0 at the left and upper edge), screen (its pixels), or share (0 to 1 of
            the screen; of the video, where none is given).
        width: of the screen in pixels; 0 where positions are not on one.
        height: of the same.
        shown: x, y, width and height on the screen of the video; None: as large as fits, in the middle.
        columns: column → its name in the first line, or its number from 1.
        dispersion: the largest spread of a fixation, in pixels of the video.
        shortest_ms: the shortest fixation.
        pixel_aspect: how wide players show a pixel of the video, in its heights.
    """

    time: str = "ms"
    position: str = "video"
    width: float = 0.0
    height: float = 0.0
    shown: tuple[float, float, float, float] | None = None
    columns: Mapping[str, str | int] | None = None
    dispersion: float = 30.0
    shortest_ms: float = 100.0
    pixel_aspect: float = 1.0

    def place(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return how positions become pixels of a video of this size: minus x and y, times a scale each."""
        if self.position == "video" or not self.width:
            return 0.0, 0.0, 1.0, 1.0
        if self.shown:
            x, y, across, down = self.shown
            return x, y, width / across, height / down
        wide = width * self.pixel_aspect
        scale = min(self.width / wide, self.height / height)
        left, top = (self.width - scale * wide) / 2, (self.height - scale * height) / 2
        return left, top, width / wide / scale, 1 / scale


@dataclass(frozen=True)
class Gaze:
    """One clip's samples: subject → (N, 3) time in ms, x and y in pixels of the video; and those lost."""

    subjects: Mapping[str, np.ndarray]
    lost: int

    @property
    def times(self) -> np.ndarray:
        """Times of all samples, in ms."""
        return np.concatenate([np.zeros(0), *(samples[:, 0] for samples in self.subjects.values())])

    def outside(self, end: float) -> np.ndarray:
        """Return the times of samples before a video's first frame and after its end, in ms."""
        times = self.times
        return times[(times < -_SLACK_MS) | (times > end + _SLACK_MS)]


def read_gaze(
    path: Path, screen: Screen, width: int, height: int, fps: float, *, of_all: bool = True
) -> Gaze:
    """Read a table of samples: comma, semicolon, tab or spaces between columns, with or without names above.

    Args:
        path: the table.
        screen: what its numbers mean.
        width: of the video, in pixels.
        height: of the same.
        fps: frames per second, for times in frames.
        of_all: whether the table is of all subjects, so that one of its columns must tell them apart.

    Raises:
        ClipError: it is no text, or a column is not there or holds what is no number or nobody's name.
    """
    rows = [line for line in _text(path).splitlines() if line.strip("\t ;,")]
    rows = [line for line in rows if not line.lstrip().startswith("#")]
    if not rows:
        raise ClipError("no-gaze", "lines of subject, time, x and y", "an empty file", path=str(path))
    split = _splitter(rows[0])
    found = [split(line) for line in rows]
    places, has_names = _places(found[0], screen.columns or {}, path)
    if of_all and "subject" not in places and len(found[0]) > len(places):
        own = f"A table of one subject goes into {path.with_suffix('')}/."
        remedy = f"Say which it is: columns in gaze.yaml. {own}"
        raise _no_column("subject", found[0], path, remedy)
    left, top, across, down = screen.place(width, height)
    per_unit = 1000.0 / fps if screen.time == "frame" else _MS[screen.time]
    samples: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    lost = 0
    for number, row in enumerate(found[has_names:], start=1 + has_names):
        time, x, y = (_number(row, places[name], number, path) for name in ("time", "x", "y"))
        # Some trackers write 0 for both where they have lost the eyes; nobody looks at exactly that.
        if time is None or x is None or y is None or x == y == 0:
            lost += 1
            continue
        if screen.position == "share":
            x, y = x * (screen.width or width), y * (screen.height or height)
        # A frame's number stands for its middle.
        when = (time - 0.5 if screen.time == "frame" else time) * per_unit
        subject = _subject(row, places["subject"], number, path) if "subject" in places else ""
        samples[subject].append((when, (x - left) * across, (y - top) * down))
    return Gaze({name: np.array(sorted(own)) for name, own in samples.items()}, lost)


def fixations(samples: np.ndarray, screen: Screen) -> np.ndarray:
    """Find one subject's fixations: (N, 3) samples → (M, 4) start and end in ms, x and y in pixels."""
    found, start, points = [], 0, samples.tolist()
    usual = float(np.median(np.diff(samples[:, 0]))) if len(points) > 1 else 0.0
    longest = max(screen.shortest_ms, _PAUSE * usual)
    while start < len(points):
        stop, (before, left, top) = start + 1, points[start]
        right, bottom = left, top
        while stop < len(points):
            when, x, y = points[stop]
            wider = min(left, x), max(right, x), min(top, y), max(bottom, y)
            if when - before > longest or wider[1] - wider[0] + wider[3] - wider[2] > screen.dispersion:
                break
            (left, right, top, bottom), before, stop = wider, when, stop + 1
        own = samples[start:stop]
        if own[-1, 0] - own[0, 0] >= screen.shortest_ms:
            found.append([own[0, 0], own[-1, 0], *own[:, 1:].mean(axis=0)])
            start = stop
        else:
            start += 1
    return np.array(found).reshape(-1, 4)


def fixated(
    gaze: Gaze, screen: Screen, size: tuple[int, int], n_frames: int, shown: float | Sequence[float]
) -> tuple[Rows, int]:
    """Return which pixels are fixated in which frame, and how many fixations lie outside the video.

    A fixation covers every frame that is shown between its start and its end.

    Args:
        gaze: of one clip.
        screen: what a fixation is.
        size: (width, height) in pixels.
        n_frames: of the clip.
        shown: frames per second; or when each frame is shown and the last one ends, in ms.

    Returns:
        int32 (N, 3): frame from 0, row, column, each pixel of a frame once.
    """
    rows, outside = [], 0
    for samples in gaze.subjects.values():
        for start, end, x, y in fixations(samples, screen):
            column, row = math.floor(x), math.floor(y)
            if not (0 <= column < size[0] and 0 <= row < size[1]):
                outside += 1
                continue
            first, last = (_frame_at(when, shown) for when in (start, end))
            rows += [(i, row, column) for i in range(max(first, 0), min(last, n_frames - 1) + 1)]
    return np.unique(np.array(rows, np.int32).reshape(-1, 3), axis=0), outside


def _frame_at(when: float, shown: float | Sequence[float]) -> int:
    """Return the frame, from 0, that is shown at a time in ms; below 0 before the first one."""
    return math.floor(when * shown / 1000) if isinstance(shown, float) else bisect_right(shown, when) - 1


def _text(path: Path) -> str:
    """Read a table; the programs of some trackers write UTF-16, which its first two bytes tell."""
    content = path.read_bytes()
    encoding = "utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        expected, found = "a table as text in UTF-8 or UTF-16", f"another byte at {error.start:,}"
        raise ClipError("no-text", expected, found, path=str(path), remedy="Save it as UTF-8.") from error


def _splitter(line: str):
    """Return what splits the lines of a table whose first one this is."""
    for mark in ("\t", ";", ","):
        if mark in line:
            return lambda text: [cell.strip() for cell in next(csv.reader([text], delimiter=mark))]
    return str.split


def _places(first: Sequence[str], named: Mapping[str, str | int], path: Path) -> tuple[dict[str, int], bool]:
    """Return where each column is, from 0, and whether the first line holds names."""
    has_names = not any(re.fullmatch(r"[-+]?\d+([.,]\d*)?([eE][-+]?\d+)?", cell) for cell in first)
    if not has_names and not named:
        names = COLUMNS if len(first) >= len(COLUMNS) else COLUMNS[1:]
        return dict(_counted(names, first, path)), False
    lower = [cell.lower() for cell in first]
    places: dict[str, int] = {}
    for name in COLUMNS:
        wanted = named.get(name, name)
        place = wanted - 1 if isinstance(wanted, int) else _index(lower, wanted.lower())
        if 0 <= place < len(first):
            places[name] = place
        elif name != "subject" or name in named:
            remedy = f"{suggest(str(wanted), first)} Say which it is: columns in gaze.yaml."
            raise _no_column(wanted, first, path, remedy)
    return places, has_names


def _index(cells: Sequence[str], cell: str) -> int:
    return cells.index(cell) if cell in cells else -1


def _no_column(name: str | int, first: Sequence[str], path: Path, remedy: str) -> ClipError:
    return ClipError("no-column", f"a column {name}", ", ".join(first), path=str(path), remedy=remedy)


def _counted(names: Sequence[str], first: Sequence[str], path: Path) -> Iterator[tuple[str, int]]:
    if len(first) < len(names):
        raise ClipError("no-column", "columns of time, x and y", f"{len(first)} columns", path=str(path))
    yield from ((name, i) for i, name in enumerate(names))


def _subject(row: Sequence[str], place: int, line: int, path: Path) -> str:
    if place >= len(row):
        expected, where = "a subject in each line", f"{path}, line {line}"
        raise ClipError("no-subject", expected, f"only {len(row)} columns", path=where)
    return row[place]


def _number(row: Sequence[str], place: int, line: int, path: Path) -> float | None:
    """Return a cell's number; None where the tracker has lost the eyes."""
    text = row[place] if place < len(row) else ""
    if text.lower() in _MISSING:
        return None
    try:
        value = float(text if "." in text else text.replace(",", "."))
        return value if math.isfinite(value) else None
    except ValueError as error:
        where = f"{path}, line {line}"
        raise ClipError("no-number", "a number", repr(text), path=where) from error
