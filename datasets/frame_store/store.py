"""Clips decoded once, at training size, and read from disk from then on."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from datasets.corpora.saliency_maps import MapReader
from datasets.frame_store.bounded_folder import Estimate, NoRoomError, Room
from datasets.frame_store.checksummed import Checksummed, DamageError, OpenFiles, Shape, file_size, write
from datasets.reading.video import RESIZE_RULE, Size, iter_frames
from datasets.remote import Kind, at_hand
from datasets.worker_pool import run
from manifests import Clip, Manifest, Problem, ProblemError

STORE_VERSION = 2
"""Raised by hand when the same files would be stored as other bytes, as when other fixations are worked out
of them; part of the address."""

_PATTERNS = ("path", "frame_pattern", "map_pattern", "fixation_pattern")
_STATE = ("content", *_PATTERNS, "first_frame", "first_annotation", "n_frames", "width", "height")
"""The columns that say what a clip's arrays are made from."""

_LOG = logging.getLogger(__name__)
_OPEN = 256  # files of one store; a training has a handful of stores
_LONGEST = 200  # characters of a clip's name in a file's, which most systems limit to 255
_RETRY_S = 60.0  # after a full disk, the time before room is looked for again


@dataclass(frozen=True)
class FrameStore:
    """Frames and maps of one corpus as uint8 arrays on disk, each made when it is first asked for.

    An array's file has an address that says all its content depends on: what is in the clip's files, the
    size, the resize rule. So a corpus that is indexed again keeps the entries of the clips that have not
    changed. A file is written under another name and renamed when whole; a checksum for each frame
    is verified whenever that frame is read, and a damaged file is made again. Where there is no room for a
    file, the frames asked for are decoded instead, and are the same.

    Args:
        folder: the store; shared by all corpora and sizes, and by as many machines as can reach it.
        manifest: the corpus.
        size: (height, width).
        limit: bytes that all corpora and sizes in the folder may take together; what was not used for
            longest goes first, and never what a living process holds (`hold`). None for no bound.
    """

    folder: Path
    manifest: Manifest
    size: Size
    limit: int | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is open: it is this process's own."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @functools.cached_property
    def address(self) -> str:
        """Name of the folder, within the store's, of this corpus's arrays at this size."""
        height, width = self.size
        key = hashlib.sha256(f"{RESIZE_RULE} {STORE_VERSION}".encode()).hexdigest()[:8]
        return f"{self.manifest.corpus}-{height}x{width}-{key}"

    def read_frames(
        self, clip: Clip, start: int = 0, count: int | None = None, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Return frames ``start … start + count`` of a clip: uint8 (count, H, W, 3), RGB.

        Args:
            clip: of the manifest.
            start: first frame, from 0.
            count: how many; None for all that follow.
            out: contiguous array to fill and return.

        Raises:
            IndexError: the frames asked for are not all within the clip.
            ProblemError: the clip's files are no longer what was indexed, or its entry was damaged twice.
        """
        return self._read("frames", clip, start, count, out)

    def read_maps(
        self, clip: Clip, start: int = 0, count: int | None = None, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Return saliency maps: uint8 (count, H, W). Arguments and errors of `read_frames`."""
        return self._read("maps", clip, start, count, out)

    def hold(self, clips: Sequence[Clip], *, labelled: bool = True) -> None:
        """Keep the entries of these clips, made or not yet, from eviction as long as this store exists.

        Says so, once, if not all of them have room.
        """
        new = self._names(clips, labelled) - self._mine.held
        if not new:
            return
        self._mine.held |= new
        self._mine.holds.append(self._room.hold(new))
        estimate = self.estimate(clips, labelled=labelled)
        if not estimate.fits:
            self._say(str(estimate))

    def estimate(self, clips: Sequence[Clip], *, labelled: bool = True) -> Estimate:
        """Return what `build` would have to decode and write, and the room for it."""
        missing = [size for clip in clips if (size := self._missing(clip, labelled))]
        return Estimate(len(missing), sum(missing), self._room.free(self._names(clips, labelled)))

    def build(
        self,
        clips: Sequence[Clip],
        *,
        workers: int = 1,
        labelled: bool = True,
        progress: Callable[[int, int, Clip], None] | None = None,
    ) -> Estimate:
        """Decode all that is missing of these clips; what an interrupted build has made is not made again.

        Args:
            clips: of the manifest.
            workers: processes.
            labelled: False leaves the maps out.
            progress: hears (clips done, clips to do, the clip just done).

        Returns:
            What there was no room for, and is decoded whenever it is asked for.

        Raises:
            ProblemError: listing every clip whose files are no longer what was indexed; the others are made.
        """
        self.hold(clips, labelled=labelled)
        missing = [clip for clip in clips if self._missing(clip, labelled)]
        self._room.make(sum(self._missing(clip, labelled) for clip in missing))
        problems: list[Problem] = []
        function = functools.partial(_build, self, labelled, 1 if workers > 1 else 0)
        for n, done in enumerate(run(function, missing, workers=workers), start=1):
            problems += done.value or ()
            if done.failure:
                where = f"{self.manifest.corpus}/{done.item.clip}"
                problems.append(
                    Problem(where, "a clip that decodes", done.failure, "Index the corpus again.")
                )
            if progress:
                progress(n, len(missing), done.item)
        if problems:
            raise ProblemError(problems)
        return self.estimate(clips, labelled=labelled)

    def _read(
        self, kind: Kind, clip: Clip, start: int, count: int | None, out: np.ndarray | None
    ) -> np.ndarray:
        stop = clip.n_frames if count is None else start + count
        if not 0 <= start <= stop <= clip.n_frames:
            raise IndexError(f"{clip.corpus}/{clip.clip}: frames {start} to {stop} of {clip.n_frames}")
        if out is None:
            out = np.empty((stop - start, *self._shape(kind, clip)[1:]), np.uint8)
        while True:
            try:
                entry = self._entry(kind, clip)
                if entry is None:
                    for i, image in enumerate(self._images(kind, clip, start, stop)):
                        out[i] = image
                else:
                    entry.read_into(out, start)
                return out
            except DamageError as damage:
                self._discard(kind, clip, damage)

    def _entry(self, kind: Kind, clip: Clip) -> Checksummed | None:
        """Return an open entry, made if need be; None if there is no room for it."""
        path, shape = self._path(kind, clip), self._shape(kind, clip)
        with contextlib.suppress(FileNotFoundError):
            return self._mine.files.get(path, shape)
        if self._make(kind, clip):
            with contextlib.suppress(FileNotFoundError):  # someone removed it again
                return self._mine.files.get(path, shape)
        return None

    def _discard(self, kind: Kind, clip: Clip, damage: Exception) -> None:
        """Remove a damaged entry, so that it is made again.

        Raises:
            ProblemError: for the second time.
        """
        path = self._path(kind, clip)
        self._mine.damaged[path] += 1
        if self._mine.damaged[path] > 1:
            where, remedy = f"{clip.corpus}/{clip.clip} ({path})", "Check the disk and the memory."
            raise ProblemError(Problem(where, "a sound entry after it was made anew", str(damage), remedy))
        _LOG.warning("%s/%s: %s is damaged: %s. It is made anew.", clip.corpus, clip.clip, path, damage)
        self._mine.files.discard(path)

    def _make(self, kind: Kind, clip: Clip) -> bool:
        """Decode an entry; return False, saying so once, if there is no room for it."""
        if time.monotonic() < self._mine.full_until:
            return False
        shape = self._shape(kind, clip)
        try:
            with self._room.writing(self._name(kind, clip), file_size(shape)) as file:
                write(file, self._images(kind, clip, 0, clip.n_frames), shape)
        except NoRoomError as error:
            self._mine.full_until = time.monotonic() + _RETRY_S
            self._say(str(error))
            return False
        return True

    def _images(self, kind: Kind, clip: Clip, start: int, stop: int) -> Iterator[np.ndarray]:
        """Read frames or maps from the corpus."""
        with at_hand(self.manifest.root, clip, kind) as root:
            if kind == "maps":
                yield from (self._mine.maps.read(clip, i, root) for i in range(start, stop))
            else:
                threads = self._mine.threads
                yield from iter_frames(root, clip, self.size, start, stop - start, threads=threads)

    def _missing(self, clip: Clip, labelled: bool) -> int:
        """Return the bytes of a clip's entries that are not there, or not whole."""
        sizes = {self._path(kind, clip): file_size(self._shape(kind, clip)) for kind in _kinds(labelled)}
        return sum(size for path, size in sizes.items() if _size(path) != size)

    def _shape(self, kind: Kind, clip: Clip) -> Shape:
        return (clip.n_frames, *self.size, 3) if kind == "frames" else (clip.n_frames, *self.size)

    def _path(self, kind: Kind, clip: Clip) -> Path:
        return self.folder / self._name(kind, clip)

    def _names(self, clips: Sequence[Clip], labelled: bool) -> set[str]:
        return {self._name(kind, clip) for clip in clips for kind in _kinds(labelled)}

    def _name(self, kind: Kind, clip: Clip) -> str:
        """Return the path of an entry within the folder."""
        return f"{self.address}/{_word(clip)}.{kind}"

    def _say(self, why: str) -> None:
        if not self._mine.said:
            self._mine.said = True
            text = "%s: the frame store %s cannot hold all: %s. What is not in it is decoded every time."
            _LOG.warning(text, self.manifest.corpus, self.folder, why)

    @functools.cached_property
    def _room(self) -> Room:
        return Room(Path(self.folder), self.limit)

    @functools.cached_property
    def _mine(self) -> _Process:
        return _Process(MapReader(self.manifest, self.size))


@functools.lru_cache(maxsize=1 << 16)
def _word(clip: Clip) -> str:
    """Return a name for a clip, what is in its files, fixations included, and which frame each is."""
    state = hashlib.sha256(json.dumps([getattr(clip, name) for name in _STATE]).encode()).hexdigest()[:16]
    return f"{urllib.parse.quote(clip.clip, safe='')[:_LONGEST]}-{state}"


@dataclass
class _Process:
    """What one process has of a store."""

    maps: MapReader
    files: OpenFiles = field(default_factory=lambda: OpenFiles(_OPEN))
    damaged: Counter[Path] = field(default_factory=Counter)
    """How often each entry was."""
    threads: int = 1
    """That decode."""
    held: set[str] = field(default_factory=set)
    holds: list[BinaryIO | None] = field(default_factory=list)
    """What keeps `held` from eviction."""
    full_until: float = 0.0
    """When room may be looked for again."""
    said: bool = False
    """Whether it was said that not everything has room."""


def _kinds(labelled: bool) -> tuple[Kind, ...]:
    return ("frames", "maps") if labelled else ("frames",)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _build(store: FrameStore, labelled: bool, threads: int, clip: Clip) -> list[Problem]:
    """Make what is missing of one clip; return what is wrong with its files."""
    store._mine.threads = threads
    try:
        for kind in _kinds(labelled):
            store._read(kind, clip, 0, 0, None)
    except ProblemError as error:
        return error.problems
    return []
