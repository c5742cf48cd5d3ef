"""LEDOV as shipped by its authors (Jiang, Xu, Wang 2017).

Layout::

    root/VideoNameList.mat            VideoNameList: cell array of names without extension
    root/namelist.mat                 trainlist, vaildlist (sic), testlist: 1-based indices into VideoNameList
    root/<video>/<video>.mp4
    root/<video>/Data.mat             Data: struct of VideoFrames, VideoFrameRate, VideoSize = [width, height]
                                      and fixdata (N, 5) = subject, start ms, duration ms, x, y

The three lists may also stand in a file each, trainlist.mat and so on. Every .mat may be MATLAB 5 or 7.3.
trainlist repeats the last index: 461 unique videos, besides 36 for validation and 41 for testing. No frames,
maps or fixation images are shipped: the fixated pixels are worked out here, and the maps in `ground_truth`.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from datasets import matfile
from datasets.annotation import count_fixated
from datasets.corpus import ClipError, Corpus, Entry, Listing, Rows, describe, require
from datasets.video import probe
from manifests import Clip, Problem, ProblemError, natural_key

_LISTS = {"trainlist": "train", "vaildlist": "val", "testlist": "test"}


class LEDOV(Corpus):
    """The adapter."""

    name = "LEDOV"
    word = "ledov"

    def list(self, root: Path) -> Listing:
        """List the videos named in the split lists; those that are not on disk end up quarantined."""
        require(
            self.name,
            root,
            (root / "VideoNameList.mat").is_file(),
            "VideoNameList.mat, namelist.mat, <video>/…",
        )
        try:
            splits = _read_splits(root)
        except (ClipError, FileNotFoundError, IndexError, ValueError) as error:
            remedy = "Take the list again from where the corpus is published."
            problem = Problem(f"LEDOV's split lists in {root}", "three lists of indices", str(error), remedy)
            raise ProblemError(problem) from error
        entries = [
            Entry(name, splits[name], name, "video", f"{name}/{name}.mp4")
            for name in sorted(splits, key=natural_key)
        ]
        folders = {p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")}
        unlisted = sorted(folders - set(splits))
        notes = [f"{len(unlisted)} folders in no split list left out: {', '.join(unlisted[:5])}"]
        return Listing(entries, notes if unlisted else [])

    def read(self, root: Path, entry: Entry) -> tuple[Clip, Rows]:
        """Decode the video once, and work out who looked where in which frame."""
        video = probe(root / entry.path)
        data = matfile.load(root / entry.clip / "Data.mat", "Data")
        missing = [k for k in ("VideoFrameRate", "VideoSize", "fixdata") if k not in data]
        if missing:
            raise ClipError(f"Data.mat has no {', '.join(missing)} in Data, only {', '.join(data)}")
        width, height = (int(side) for side in np.ravel(data["VideoSize"]))
        if (width, height) != (video.width, video.height):
            raise ClipError(f"VideoSize is {width}x{height}, the video {video.width}x{video.height}")
        rows = fixated_pixels(data["fixdata"], float(data["VideoFrameRate"]), video.n_frames, width, height)
        stat = (root / entry.path).stat()
        clip = describe(
            self.name,
            entry,
            first_frame=1,
            n_frames=video.n_frames,
            fps=video.fps,
            width=width,
            height=height,
            codec=video.codec,
            keyframes=video.keyframes,
            n_fixated_frames=count_fixated(rows),
            size_bytes=stat.st_size,
            mtime_ns=stat.st_mtime_ns,
        )
        return clip, rows


def fixated_pixels(fixdata: np.ndarray, frame_rate: float, n_frames: int, width: int, height: int) -> Rows:
    """Return which pixels are fixated in which frame, by the rules of the authors' demo.

    - A start time before that of the row above begins a new subject.
    - Fixations outside the frame are dropped, and so are a subject's first ones until one lies off the
      centre in both directions by more than a twentieth of the height: viewing begins at a cross there.
    - With d = 1000 / frame_rate ms, a fixation covers the frames (from 1) ceil(start / d) to
      ceil((start + duration) / d), cut to those there are.
    - Positions are 1-based; their fractions are dropped.

    Args:
        fixdata: (N, 5), or (5, N) as some files have it.
        frame_rate: the rate Data.mat gives, by which the times were taken.
        n_frames: frames that decode.
        width: pixels.
        height: pixels.

    Returns:
        int32 (M, 3): frame from 0, row, column. A pixel that two fixations share in a frame stands twice
        here and once in the manifest.
    """
    data = np.asarray(fixdata, dtype=np.float64)
    data = data.T if data.ndim == 2 and data.shape[0] == 5 != data.shape[1] else data.reshape(-1, 5)
    _, start, duration, x, y = data.T
    inside = (x > 0) & (x < width) & (y > 0) & (y < height)
    margin = math.floor(height / 20 + 0.5)
    away = inside & (np.abs(x - width / 2) > margin) & (np.abs(y - height / 2) > margin)
    keep = inside.copy()
    for own in np.split(np.arange(len(data)), np.flatnonzero(np.diff(start) < 0) + 1):
        keep[own] &= np.logical_or.accumulate(away[own])
    start, duration, x, y = (column[keep] for column in (start, duration, x, y))
    frame_ms = 1000.0 / frame_rate
    first = np.maximum(np.ceil(start / frame_ms), 1).astype(int)
    last = np.minimum(np.ceil((start + duration) / frame_ms), n_frames).astype(int)
    length = np.maximum(last - first + 1, 0)
    # Frames first … last of every fixation, one below the other.
    within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    frame = np.repeat(first - 1, length) + within
    row, column = (np.repeat(np.maximum(np.floor(v).astype(int) - 1, 0), length) for v in (y, x))
    return np.stack([frame, row, column], axis=1).astype(np.int32)


def _read_splits(root: Path) -> dict[str, str]:
    """Return the split of every listed video."""
    names = matfile.load(root / "VideoNameList.mat", "VideoNameList")
    names = [names] if isinstance(names, str) else [str(name) for name in names]
    together = root / "namelist.mat"
    splits: dict[str, str] = {}
    for key, split in _LISTS.items():
        path = together if together.is_file() else root / f"{key}.mat"
        for index in np.unique(np.ravel(matfile.load(path, key)).astype(int)):
            if not 1 <= index <= len(names):
                raise IndexError(f"index {index} in {key}, with {len(names)} names in VideoNameList")
            name = names[index - 1]
            if name in splits:
                raise ValueError(f"{name} in {key} and among those for {splits[name]}")
            splits[name] = split
    return splits


CORPUS = LEDOV()
