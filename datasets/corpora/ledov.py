"""LEDOV as shipped by its authors (Jiang, Xu, Wang 2017).

Layout::

    root/VideoNameList.mat            VideoNameList: cell array of names without extension
    root/namelist.mat                 trainlist, vaildlist (sic), testlist: 1-based indices into VideoNameList
    root/<video>/<video>.mp4
    root/<video>/Data.mat             Data: struct of VideoFrames, VideoFrameRate, VideoSize = [width, height]
                                      and fixdata (N, 5) = subject, start ms, duration ms, x, y

The three lists may also stand in a file each, trainlist.mat and so on. Every .mat may be MATLAB 5 or 7.3.
trainlist repeats the last index: 461 unique videos, besides 36 for validation and 41 for testing. No frames,
maps or fixation images are shipped: the fixated pixels are worked out here, and maps are made of them.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from datasets.corpus import ClipError, Corpus, Entry, Layout, Listing, MapRule, Reading, Rows
from datasets.damaged import as_finding, describe
from datasets.listing.file_names import escapes, first_few
from datasets.listing.layouts import Place, detect, listed_only
from datasets.reading.clip import Media, cut_off, read_media
from datasets.reading.numbered_files import literal
from manifests import Finding, Problem, ProblemError, natural_key

_LISTS = {"trainlist": "train", "vaildlist": "val", "testlist": "test"}


class LEDOV(Corpus):
    """The adapter."""

    name = "LEDOV"
    word = "ledov"
    had_from = (
        "https://github.com/remega/LEDOV-eye-tracking-database: two parts on Dropbox, or Baidu, without a"
        " request (size not stated; free to use, to be cited as arXiv 1709.06316; questions:"
        " jianglai.china@buaa.edu.cn)"
    )
    published = MappingProxyType({"train": 461, "val": 36, "test": 41})
    holds_out = False
    # The authors' make_gauss_masks4: FWHM 80 px, 100 px either side.
    map_rule = MapRule(sigma=80 / (2 * np.sqrt(2 * np.log(2))), reach=100, even=False, replicate=False)
    layouts = (Layout("shipped", ("{clip}/{clip}.{video}",), (), ("{clip}/Data.mat",)),)

    def list(self, root: Path, layout: str | None = None) -> Listing:
        """List the videos named in the split lists; those that are not on disk end up quarantined."""
        found = detect(self.name, root, self.layouts, self.identify, layout, lists=_list_files)
        try:
            splits = _read_splits(root)
        except (ClipError, IndexError, ValueError) as error:
            remedy = "Take the list again from where the corpus is published."
            problem = Problem(f"LEDOV's split lists in {root}", "three lists of indices", str(error), remedy)
            raise ProblemError(problem) from error
        places = {place.entry.clip: place for place in found.places}
        entries = [_entry(name, splits[name], places.get(name)) for name in sorted(splits, key=natural_key)]
        more = [name for name in places if name not in splits]
        notes = []
        if more:
            names = f"{len(more)} in none: {first_few(more)}"
            remedy = "They are left aside; index them as a corpus of your own if you need them."
            notes = [Finding("note", "unlisted", "", "", "every video in a split list", names, remedy)]
        return Listing(entries, found.layout, [*found.findings, *notes])

    def read(self, root: Path, entry: Entry) -> Reading:
        """Decode the video once, and work out who looked where in which frame."""
        from datasets.reading import matfile  # noqa: PLC0415 - SciPy takes half a second

        data = matfile.load(root, entry.fixations, "Data")
        if not isinstance(data, dict):
            raise ClipError("missing-key", "a struct Data", "another value", path=entry.fixations)
        missing = [k for k in ("VideoFrameRate", "VideoSize", "fixdata") if k not in data]
        if missing:
            expected, found = f"{', '.join(missing)} in Data", f"only {', '.join(data)}"
            raise ClipError("missing-key", expected, found, path=entry.fixations)
        video = read_media(root, entry)
        width, height = (int(side) for side in np.ravel(data["VideoSize"]))
        if (width, height) != video.size:
            expected, found = f"the VideoSize of Data.mat, {width}x{height}", f"{video.width}x{video.height}"
            raise ClipError("size-mismatch", expected, found)
        rate = float(data["VideoFrameRate"])
        try:
            rows = fixated_pixels(data["fixdata"], rate, video.n_frames, width, height)
        except ClipError as error:
            error.path = entry.fixations
            raise
        clip = describe(
            self.name,
            entry,
            **video.columns(),
            fixation_pattern=literal(entry.fixations),
            first_annotation=1,
        )
        return Reading(clip, rows, (*video.findings, *_count_finding(entry, video, data)))


def _list_files(root: Path) -> dict[str, str]:
    """Return the files that the splits are read from, by what they hold."""
    together = (root / "namelist.mat").is_file()
    lists = {key: "namelist.mat" if together else f"{key}.mat" for key in _LISTS}
    return {"VideoNameList": "VideoNameList.mat", **lists}


def _entry(name: str, split: str, place: Place | None) -> Entry:
    """Return a listed video, be it there or not."""
    if place is None:
        return listed_only(name, split, "" if escapes(name) else f"{name}/{name}.mp4", "video")
    fixations = place.entry.fixations or f"{name}/Data.mat"
    return replace(place.entry, split=split, fixations=fixations)


def _count_finding(entry: Entry, video: Media, data: dict[str, object]) -> tuple[Finding, ...]:
    """Return a warning if the video has not the frames that Data.mat, or its header, says."""
    declared = data.get("VideoFrames")
    if declared is None:
        error = cut_off(video)
    elif (n_declared := int(np.asarray(declared).ravel()[0])) != video.n_frames:
        expected = f"the VideoFrames of Data.mat, {n_declared}"
        remedy = "The fixations hold by their times; see whether the video is whole."
        error = ClipError("count-mismatch", expected, f"{video.n_frames} that decode", remedy=remedy)
    else:
        error = None
    return (as_finding(error, entry, "warning"),) if error else ()


def fixated_pixels(fixdata: np.ndarray, frame_rate: float, n_frames: int, width: int, height: int) -> Rows:
    """Return which pixels are fixated in which frame, by the rules of the authors' demo.

    - A start time before that of the row above begins a new subject.
    - Fixations outside the frame are dropped, and so are a subject's first ones until one lies off the
      centre in both directions by more than a twentieth of the height, rounded to whole pixels (halves up):
      viewing begins at a cross there.
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

    Raises:
        ClipError: fixdata has not five columns, or holds what is no number; or there is no frame rate.
    """
    data = _five_columns(fixdata)
    if not (math.isfinite(frame_rate) and frame_rate > 0):
        raise ClipError("bad-fixations", "a frame rate above 0", f"{frame_rate}")
    _, start, duration, x, y = data.T
    inside = (x > 0) & (x < width) & (y > 0) & (y < height)
    margin = math.floor(height / 20 + 0.5)
    away = inside & (np.abs(x - width / 2) > margin) & (np.abs(y - height / 2) > margin)
    keep = inside.copy()
    for own in np.split(np.arange(len(data)), np.flatnonzero(np.diff(start) < 0) + 1):
        keep[own] &= np.logical_or.accumulate(away[own])
    start, duration, x, y = (column[keep] for column in (start, duration, x, y))
    frame_ms = 1000.0 / frame_rate
    first = np.clip(np.ceil(start / frame_ms), 1, n_frames + 1).astype(int)
    last = np.clip(np.ceil((start + duration) / frame_ms), 0, n_frames).astype(int)
    length = np.maximum(last - first + 1, 0)
    # Frames first … last of every fixation, one below the other.
    within = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    frame = np.repeat(first - 1, length) + within
    row, column = (np.repeat(np.maximum(np.floor(v).astype(int) - 1, 0), length) for v in (y, x))
    return np.stack([frame, row, column], axis=1).astype(np.int32)


def _five_columns(fixdata: np.ndarray) -> np.ndarray:
    """Return fixdata as float64 (N, 5)."""
    try:
        data = np.asarray(fixdata, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ClipError("bad-fixations", "numbers in fixdata", "other values") from error
    if data.size == 0:
        return data.reshape(0, 5)
    data = np.atleast_2d(data)
    data = data.T if data.shape[0] == 5 != data.shape[1] else data
    if data.ndim != 2 or data.shape[1] != 5:
        raise ClipError("bad-fixations", "five columns in fixdata", "x".join(map(str, data.shape)))
    broken = np.count_nonzero(~np.isfinite(data).all(axis=1))
    if broken:
        raise ClipError("bad-fixations", "finite numbers in fixdata", f"{broken} rows with others")
    return data


def _read_splits(root: Path) -> dict[str, str]:
    """Return the split of every listed video."""
    from datasets.reading import matfile  # noqa: PLC0415 - SciPy takes half a second

    files = _list_files(root)
    names = matfile.load(root, files["VideoNameList"], "VideoNameList")
    if not isinstance(names, str | list | np.ndarray):
        raise ValueError(f"expected names in VideoNameList, found {names!r}")
    names = [names] if isinstance(names, str) else [str(name) for name in names]
    splits: dict[str, str] = {}
    for key, split in _LISTS.items():
        for index in np.unique(np.asarray(matfile.load(root, files[key], key)).ravel().astype(int)):
            if not 1 <= index <= len(names):
                raise IndexError(f"index {index} in {key}, with {len(names)} names in VideoNameList")
            name = names[index - 1]
            if name in splits:
                raise ValueError(f"{name} in {key} and among those for {splits[name]}")
            splits[name] = split
    return splits


CORPUS = LEDOV()
