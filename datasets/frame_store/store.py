"""Clips decoded once, at training size, and read from disk from then on."""

from __future__ import annotations

import contextlib
import functools
import itertools
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from datasets.corpora.saliency_maps import MapReader
from datasets.frame_store.addresses import Addresses, frame_numbers, kinds_of
from datasets.frame_store.bounded_folder import BoundedFolder, Estimate, NoRoomError
from datasets.frame_store.checksummed import Checksummed, DamageError, OpenFiles, file_size, write
from datasets.reading.video import iter_frames
from datasets.remote import Kind, at_hand
from datasets.resizing import DEFAULT_RESIZING, Size
from datasets.worker_pool import run
from manifests import Clip, Manifest, Problem, ProblemError

log = logging.getLogger(__name__)
_OPEN_FILES = 256  # files of one store; a training has a handful of stores
_FULL_DISK_RETRY_S = 60.0  # after a full disk, the time before room is looked for again


@dataclass(frozen=True)
class FrameStore:
    """Frames and maps of one corpus as uint8 arrays on disk, each made when it is first asked for.

    An array's file has an address that says all its content depends on: what is in the clip's files, the
    size, the rules of resizing and of making maps. So a corpus that is indexed again keeps the entries of the
    clips that have not changed, but for maps made of what a plug-in reads. A file is renamed when whole; a
    checksum for each frame is verified whenever that frame is read, and a damaged file is made again. Where
    there is no room for a file, the frames asked for are decoded instead, and are the same.

    Args:
        folder: the store; shared by all corpora, sizes and machines that can reach it.
        manifest: the corpus.
        size: (height, width); of maps `map_size`, if that is given.
        limit: bytes that all of the folder may take; what was not used for longest goes first, and never
            what a living process holds (`hold`). None for no bound.
        resizing: by which rule frames and maps come to the size (`datasets.resizing`).
    """

    folder: Path
    manifest: Manifest
    size: Size
    limit: int | None = None
    resizing: str = DEFAULT_RESIZING
    map_size: Size | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is open: it is this process's own."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @property
    def address(self) -> str:
        """Name of the folder, within the store's, of this corpus's frames at this size."""
        return self._addresses.folder

    def read_frames(
        self,
        clip: Clip,
        start: int = 0,
        count: int | None = None,
        out: np.ndarray | None = None,
        *,
        step: int = 1,
    ) -> np.ndarray:
        """Return frames ``start``, ``start + step`` … of a clip: uint8 (count, H, W, 3), RGB.

        Args:
            clip: of the manifest.
            start: first frame, from 0.
            count: how many; None for all that follow.
            out: contiguous array to fill and return.
            step: from one frame to the next.

        Raises:
            IndexError: the frames asked for are not all within the clip.
            ProblemError: the clip's files are no longer what was indexed, or its entry was damaged twice.
        """
        return self._read("frames", clip, frame_numbers(clip, start, count, step), out)

    def read_maps(
        self,
        clip: Clip,
        start: int = 0,
        count: int | None = None,
        out: np.ndarray | None = None,
        *,
        step: int = 1,
    ) -> np.ndarray:
        """Return saliency maps: uint8 (count, H, W). Arguments and errors of `read_frames`."""
        return self._read("maps", clip, frame_numbers(clip, start, count, step), out)

    def hold(self, clips: Sequence[Clip], *, labelled: bool = True) -> None:
        """Keep the entries of these clips, made or not yet, from eviction as long as this store exists.

        Says so, once, if not all of them have room.
        """
        new = self._addresses.names(clips, kinds_of(labelled)) - self._mine.held
        if not new:
            return
        self._mine.held |= new
        self._mine.holds.append(self._room.hold(new))
        estimate = self.estimate(clips, labelled=labelled)
        if not estimate.fits:
            self._say(str(estimate))

    def estimate(self, clips: Sequence[Clip], *, labelled: bool = True) -> Estimate:
        """Return what `build` would have to decode and write, and the room for it."""
        kinds = kinds_of(labelled)
        missing = self._addresses.missing_among(self.folder, clips, kinds)
        kept = (self._addresses.name(kind, clip) for clip in clips for kind in kinds)
        return Estimate(len(missing), sum(missing), self._room.free(kept))

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
        kinds, problems = kinds_of(labelled), list[Problem]()
        sizes = {clip: self._addresses.missing(self.folder, clip, kinds) for clip in clips}
        missing = [clip for clip in clips if sizes[clip]]
        self._room.make(sum(sizes.values()))
        function = functools.partial(_build, self, kinds, 1 if workers > 1 else 0)
        for n, done in enumerate(run(function, missing, workers=workers), start=1):
            problems += done.value or ()
            if done.failure:
                where = f"{self.manifest.corpus}/{done.item.clip}"
                remedy = "Index the corpus again."
                problems.append(Problem(where, "a clip that decodes", done.failure, remedy))
            if progress:
                progress(n, len(missing), done.item)
        if problems:
            raise ProblemError(problems)
        return self.estimate(clips, labelled=labelled)

    def ensure(self, clip: Clip, kinds: Iterable[Kind], threads: int = 1) -> None:
        """Make what is missing of a clip, as far as there is room.

        Args:
            clip: of the manifest.
            kinds: frames, maps or both.
            threads: that decode; 0 takes as many as there are cores.

        Raises:
            ProblemError: as `read_frames`.
        """
        for kind in kinds:
            self._mended(kind, clip, functools.partial(self._entry, kind, clip, threads))

    def _read(self, kind: Kind, clip: Clip, frames: range, out: np.ndarray | None) -> np.ndarray:
        if out is None:
            out = np.empty((len(frames), *self._addresses.shape(kind, clip)[1:]), np.uint8)
        self._mended(kind, clip, functools.partial(self._fill, kind, clip, frames, out))
        return out

    def _fill(self, kind: Kind, clip: Clip, frames: range, out: np.ndarray) -> None:
        """Read from the entry; without one, from the corpus."""
        entry = self._entry(kind, clip)
        if entry is not None:
            entry.read_into(out, frames.start, frames.step)
            return
        images = self._images(kind, clip, frames.start, frames.stop) if frames else ()
        for i, image in enumerate(itertools.islice(images, 0, None, frames.step)):
            out[i] = image

    def _mended(self, kind: Kind, clip: Clip, use: Callable[[], object]) -> None:
        """Use an entry, and use it again after it was found damaged."""
        while True:
            try:
                use()
                return
            except DamageError as damage:
                self._discard(kind, clip, damage)

    def _entry(self, kind: Kind, clip: Clip, threads: int = 1) -> Checksummed | None:
        """Return an open entry, made if need be; None if there is no room for it."""
        path, shape = self._path(kind, clip), self._addresses.shape(kind, clip)
        name = self._addresses.name(kind, clip)
        with contextlib.suppress(FileNotFoundError):
            return self._mine.files.get(path, shape, name)
        if self._make(kind, clip, threads):
            with contextlib.suppress(FileNotFoundError):  # someone removed it again
                return self._mine.files.get(path, shape, name)
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
        log.warning("%s/%s: %s is damaged: %s. It is made anew.", clip.corpus, clip.clip, path, damage)
        self._mine.files.discard(path)

    def _make(self, kind: Kind, clip: Clip, threads: int) -> bool:
        """Decode an entry; return False, saying so once, if there is no room for it."""
        if time.monotonic() < self._mine.full_until:
            return False
        shape, name = self._addresses.shape(kind, clip), self._addresses.name(kind, clip)
        try:
            with self._room.writing(name, file_size(shape)) as file:
                write(file, self._images(kind, clip, 0, clip.n_frames, threads), shape, name)
        except NoRoomError as error:
            self._mine.full_until = time.monotonic() + _FULL_DISK_RETRY_S
            self._say(str(error))
            return False
        return True

    def _images(
        self, kind: Kind, clip: Clip, start: int, stop: int, threads: int = 1
    ) -> Iterator[np.ndarray]:
        """Read frames or maps from the corpus."""
        with at_hand(self.manifest.root, clip, kind) as root:
            if kind == "maps":
                yield from self._mine.maps.read_run(clip, start, stop, root)
            else:
                yield from iter_frames(
                    root, clip, self.size, start, stop - start, threads=threads, resizing=self.resizing
                )

    def _path(self, kind: Kind, clip: Clip) -> Path:
        return self.folder / self._addresses.name(kind, clip)

    def _say(self, why: str) -> None:
        if not self._mine.said:
            self._mine.said = True
            text = "%s: the frame store %s cannot hold all: %s. What is not in it is decoded every time."
            log.warning(text, self.manifest.corpus, self.folder, why)

    @functools.cached_property
    def _addresses(self) -> Addresses:
        return Addresses(self.manifest, self.size, self.resizing, self.map_size)

    @functools.cached_property
    def _room(self) -> BoundedFolder:
        return BoundedFolder(Path(self.folder), self.limit)

    @functools.cached_property
    def _mine(self) -> _Process:
        return _Process(MapReader(self.manifest, self.map_size or self.size, self.resizing))


@dataclass
class _Process:
    """What one process has of a store."""

    maps: MapReader
    files: OpenFiles = field(default_factory=lambda: OpenFiles(_OPEN_FILES))
    damaged: Counter[Path] = field(default_factory=Counter)
    """How often each entry was."""
    held: set[str] = field(default_factory=set)
    holds: list[BinaryIO | None] = field(default_factory=list)
    """What keeps `held` from eviction."""
    full_until: float = 0.0
    """When room may be looked for again."""
    said: bool = False
    """Whether it was said that not everything has room."""


def _build(store: FrameStore, kinds: Sequence[Kind], threads: int, clip: Clip) -> list[Problem]:
    """Make what is missing of one clip; return what is wrong with its files."""
    try:
        store.ensure(clip, kinds, threads)
    except ProblemError as error:
        return error.problems
    return []
