"""The nouns: what a clip is, where its pixels were looked at, and how both are written as arrow columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from types import MappingProxyType

import numpy as np
import pyarrow as pa

SCHEMA_VERSION = 3
"""Raised by hand whenever a column changes its name, type or meaning; it is part of every digest."""

SPLITS = ("train", "val", "test", "unannotated", "unlisted")
"""unannotated: neither maps nor fixations are published. unlisted: in no split of the protocol followed."""
MEDIA = ("video", "frames", "image")
STATUSES = ("ok", "quarantined")


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip of a corpus: one row of clips.parquet.

    The patterns are paths relative to the corpus root with one integer field for the frame's number,
    such as ``training/x/images/x_{:05d}.png``; a photograph's have none. Frame ``i`` (counted from 0) of the
    clip has the number ``first_frame + i`` among the frames and ``first_annotation + i`` among maps and
    fixation images.
    """

    corpus: str
    """Name of the corpus as the tables print it: DHF1K, Hollywood2, UCFSports, LEDOV."""
    split: str
    """One of `SPLITS`."""
    clip: str
    """Identifier, unique in the corpus."""
    source_video: str
    """The video the clip was cut from; clips of one source video resemble each other."""
    media: str
    """video (one encoded file), frames (a folder of images) or image (a photograph: a clip of one frame)."""
    path: str
    """The video, the photograph or the folder of frames, posix, relative to the corpus root."""
    frame_pattern: str
    """Pattern of the frame images; empty for media == "video"."""
    map_pattern: str
    """Pattern of the continuous saliency maps; empty where the corpus ships none."""
    fixation_pattern: str
    """Pattern of the fixation images or .mat files; a path without a field where one file holds the whole
    clip; empty where the corpus ships none."""
    first_frame: int
    """Number of the first frame image; of a video's frames, which count from 1, where some are left out."""
    first_annotation: int
    """Number of the first map and fixation image; some copies count frames from 0 and these from 1."""
    n_frames: int
    """Frames that really decode, not what a header says; without those of `left_out`."""
    fps: float
    """Frames per second."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    codec: str
    """Name of the video codec, or the image format of frames."""
    keyframes: tuple[int, ...]
    """Presentation times of the keyframes in units of the stream's time base; empty for frames."""
    keyframe_frames: tuple[int, ...]
    """Which frames (from 0) the keyframes are, beside `keyframes`."""
    n_fixated_frames: int
    """Frames with at least one fixated pixel."""
    status: str
    """ok, or quarantined: kept in the manifest, counted, and never trained or scored on."""
    reason: str
    """Why the clip is quarantined; empty for status == "ok"."""
    content: str
    """Hash of all that is in the files of `paths`; empty for quarantined clips, which may have none."""
    size_bytes: int
    """Size of all the files in the clip's folders: tells, without reading them, that one has changed."""
    mtime_ns: int
    """Latest modification of the same, nanoseconds."""
    left_out: int = 0
    """Frames at the clip's ends that lack annotations, which the index was told to tolerate."""
    states: str = ""
    """Hash of the name, size and time of each of the files of `paths`; empty for quarantined clips, and where
    it was indexed before there was one: two files of a clip that change places leave its size and time."""

    def paths(self) -> list[str]:
        """Return every file that the clip is made from, relative to the corpus root, in order of name."""
        found = {self.path} if self.media == "video" else set(map(self.frame_path, range(self.n_frames)))
        for pattern, path in ((self.map_pattern, self.map_path), (self.fixation_pattern, self.fixation_path)):
            if pattern:
                found.update(map(path, range(self.n_frames)))
        return sorted(found)

    def fills(self, n_frames: int) -> bool:
        """Whether it has so many frames; a photograph has as many as it is shown for."""
        return self.media == "image" or self.n_frames >= n_frames

    def frame_path(self, i: int) -> str:
        """Return the path of frame ``i`` (from 0), relative to the corpus root."""
        return self._numbered(self.frame_pattern, "frame", self.first_frame, i)

    def map_path(self, i: int) -> str:
        """Return the path of the shipped saliency map of frame ``i`` (from 0), relative to the root."""
        return self._numbered(self.map_pattern, "map", self.first_annotation, i)

    def fixation_path(self, i: int) -> str:
        """Return the path of the file with the fixations of frame ``i`` (from 0), relative to the root."""
        return self._numbered(self.fixation_pattern, "fixation", self.first_annotation, i)

    def _numbered(self, pattern: str, what: str, first: int, i: int) -> str:
        if not pattern:
            raise ValueError(f"{self.corpus}/{self.clip} has no {what} images")
        if not 0 <= i < self.n_frames:
            raise IndexError(f"{self.corpus}/{self.clip}: {what} {i} of {self.n_frames}")
        return pattern.format(first + i)


_OF_ONE_DISK = ("size_bytes", "mtime_ns", "left_out", "states")
IDENTITY = tuple(f.name for f in fields(Clip) if f.name not in _OF_ONE_DISK)
"""The columns that say what a clip is, and not how its files happen to lie on one disk: copying changes
times, and a note left beside the frames changes sizes. Frames left out are added to a digest where there are
any, so that manifests of before that column keep theirs."""

ADDED = {"left_out": 0, "states": ""}
"""Columns that files of before they were added lack, and what stands for them there."""

_ARROW_TYPES = {
    "str": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "tuple[int, ...]": pa.list_(pa.int64()),
}

CLIP_SCHEMA = pa.schema(
    [
        pa.field(
            f.name,
            _ARROW_TYPES[str(f.type)],
            nullable=False,
        )
        for f in fields(Clip)
    ]
    # How many rows of fixations.parquet are this clip's: they follow each other in the clips' order, so one
    # split is read without touching the others.
    + [pa.field("n_fixations", pa.int64(), nullable=False)]
)

# Words of which a manifest has few: each stands once, and its number often.
_FEW = ("corpus", "split", "media", "codec", "status")
_SHORTER = {
    **dict.fromkeys(_FEW, pa.dictionary(pa.int16(), pa.string())),
    **dict.fromkeys(("width", "height", "n_fixated_frames", "left_out"), pa.int32()),
    "keyframe_frames": pa.list_(pa.int32()),
}


def in_memory(schema: pa.Schema, names: Iterable[str]) -> pa.Schema:
    """Return some columns of a file's schema as tables have them: what a million clips hold in less room."""
    return pa.schema([(name, _SHORTER.get(name, schema.field(name).type)) for name in names])


FIXATION_SCHEMA = pa.schema(
    [
        pa.field("clip", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("frame", pa.int32(), nullable=False),
        pa.field("y", pa.int16(), nullable=False),
        pa.field("x", pa.int16(), nullable=False),
    ]
)
"""One row per fixated pixel: its clip, frame (from 0 within the clip), row and column at native resolution.

Sorted by clip (in the order of the clips), frame, y, x. A pixel two observers share stands once.
"""


class Fixations:
    """Fixated pixels of some clips, as numpy views.

    Args:
        frame: int32 (N,), 0-based frame of each fixated pixel; the clips' blocks one after the other.
        yx: int16 (N, 2), row and column.
        clips: identifiers in the order of the blocks.
        counts: rows of each block; their sum is N.
    """

    def __init__(
        self, frame: np.ndarray, yx: np.ndarray, clips: Sequence[str], counts: Sequence[int]
    ) -> None:
        ends = np.cumsum(np.asarray(counts, dtype=np.int64))
        self._frame, self._yx = frame, yx
        self._span: Mapping[str, tuple[int, int]] = MappingProxyType(
            {clip: (int(end) - int(n), int(end)) for clip, n, end in zip(clips, counts, ends, strict=True)}
        )

    def __len__(self) -> int:
        return len(self._frame)

    def __contains__(self, clip: str) -> bool:
        return clip in self._span

    def of(self, clip: str) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(frame int32 (N,), yx int16 (N, 2))`` of one clip, sorted by frame.

        Raises:
            KeyError: the clip is not among those read.
        """
        if clip not in self._span:
            raise KeyError(f"no fixations were read for clip {clip!r}: it is not in the splits asked for")
        start, end = self._span[clip]
        return self._frame[start:end], self._yx[start:end]

    def frame(self, clip: str, i: int) -> np.ndarray:
        """Return the fixated pixels (y, x) of frame ``i`` of a clip: int16 (n, 2), n may be 0."""
        frames, yx = self.of(clip)
        start, end = np.searchsorted(frames, [i, i + 1])
        return yx[start:end]


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Return a sort key under which ``x_2`` comes before ``x_10``."""
    # Of these digits alone: others, such as ², are no number to `int`.
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return [(0, int(p), p) if p[0] in "0123456789" else (1, 0, p) for p in parts]
