"""What the arrays of a frame store are called: a name that says all that their content depends on."""

from __future__ import annotations

import functools
import hashlib
import json
import urllib.parse
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from datasets.corpora.own_folder import FolderCorpus
from datasets.corpora.registry import is_built_in
from datasets.corpora.saliency_maps import map_rule_of
from datasets.frame_store.checksummed import Shape, file_size
from datasets.remote import Kind
from datasets.resizing import DEFAULT_RESIZING, Size
from manifests import Clip, Manifest
from manifests.clips import equal, lengths

STORE_VERSION = 3
"""Raised by hand when the same files would be stored as other bytes, as when other fixations are worked out
of them; part of the address."""

_PATTERNS = ("path", "frame_pattern", "map_pattern", "fixation_pattern")
_CONTENT_COLUMNS = ("content", *_PATTERNS, "first_frame", "first_annotation", "n_frames", "width", "height")
"""The columns that say what a clip's arrays are made from."""
_OWN_LAYOUTS = {"", *(layout.name for layout in FolderCorpus.layouts)}

_NAME_CHARACTERS = 200  # characters of a clip's name in a file's, which most systems limit to 255


@dataclass(frozen=True)
class Addresses:
    """The files of one corpus at one size, relative to a store's folder, and the shapes of their arrays."""

    manifest: Manifest
    size: Size
    resizing: str = DEFAULT_RESIZING
    """By which rule they came to it (`datasets.resizing`)."""
    map_size: Size | None = None
    """Of maps that have another size than frames; they are where frames of that size would be."""

    @property
    def folder(self) -> str:
        """Name of the folder that frames are in."""
        return self._folder("frames")

    def _folder(self, kind: Kind) -> str:
        height, width = self._size(kind)
        key = hashlib.sha256(f"{self.resizing} {STORE_VERSION}".encode()).hexdigest()[:8]
        return f"{self.manifest.corpus}-{height}x{width}-{key}"

    def shape(self, kind: Kind, clip: Clip) -> Shape:
        """Return the shape of a clip's frames (T, H, W, 3) or maps (T, H, W)."""
        return (clip.n_frames, *self._row(kind))

    def name(self, kind: Kind, clip: Clip) -> str:
        """Return the path of a clip's frames or maps.

        Raises:
            ProblemError: of maps that would have to be made, and nobody has said how.
        """
        made = "" if kind == "frames" or clip.map_pattern else self._made
        return f"{self._folder(kind)}/{_word(clip)}{made}.{kind}"

    def names(self, clips: Iterable[Clip], kinds: Iterable[Kind]) -> set[str]:
        """Return the paths of several clips' arrays. Errors of `name`."""
        return {self.name(kind, clip) for clip in clips for kind in kinds}

    def missing(self, place: Path, clip: Clip, kinds: Iterable[Kind]) -> int:
        """Return the bytes of a clip's files below a folder that are not there, or not whole.

        Errors of `name`.
        """
        sizes = {place / self.name(kind, clip): file_size(self.shape(kind, clip)) for kind in kinds}
        return sum(size for path, size in sizes.items() if _bytes_of(path) != size)

    def missing_among(self, place: Path, clips: Sequence[Clip], kinds: Sequence[Kind]) -> list[int]:
        """Return `missing` of each clip of which anything is. Errors of `name`."""
        if any((place / self._folder(kind)).exists() for kind in kinds):
            return [size for clip in clips if (size := self.missing(place, clip, kinds))]
        # Nothing is there yet: of a million clips none has to be looked for by its name.
        if "maps" in kinds and equal(clips, "map_pattern", "").any():
            self._made  # noqa: B018 - an error where nobody has said how maps are made
        found, places = np.unique(lengths(clips), return_inverse=True)
        sizes = [sum(file_size((n, *self._row(kind))) for kind in kinds) for n in found.tolist()]
        return [sizes[place] for place in places.tolist()]

    def _row(self, kind: Kind) -> Shape:
        return (*self.size, 3) if kind == "frames" else self._size(kind)

    def _size(self, kind: Kind) -> Size:
        return self.map_size if kind == "maps" and self.map_size else self.size

    @functools.cached_property
    def _made(self) -> str:
        """What tells maps that are made of a manifest's fixations by its rule from others.

        Nothing for the corpora of before there were others: what they have stored keeps its place, and who
        changes one of their rules raises the version. What another's adapter makes of the same files changes
        with its code, so that its maps are those of one manifest.
        """
        if is_built_in(self.manifest.corpus):
            return ""
        rule, by_plug_in = map_rule_of(self.manifest), bool(self.manifest.code)
        if rule == FolderCorpus.map_rule and self.manifest.layout in _OWN_LAYOUTS and not by_plug_in:
            return ""
        told = [astuple(rule), self.manifest.digest]
        return f"-{hashlib.sha256(json.dumps(told).encode()).hexdigest()[:8]}"


@functools.lru_cache(maxsize=1 << 16)
def _word(clip: Clip) -> str:
    """Return a name for a clip, what is in its files, fixations included, and which frame each is."""
    columns = json.dumps([getattr(clip, name) for name in _CONTENT_COLUMNS])
    state = hashlib.sha256(columns.encode()).hexdigest()[:16]
    return f"{urllib.parse.quote(clip.clip, safe='')[:_NAME_CHARACTERS]}-{state}"


def kinds_of(labelled: bool) -> tuple[Kind, ...]:
    """Return what is kept of a clip that maps are wanted of, or frames alone."""
    return ("frames", "maps") if labelled else ("frames",)


def frame_numbers(clip: Clip, start: int, count: int | None, step: int) -> range:
    """Return the frames meant, of which the last is just before the end of the range.

    Raises:
        IndexError: they are not all within the clip.
    """
    stop = clip.n_frames if count is None else start + (count - 1) * step + 1 if count else start
    if not 0 <= start <= stop <= clip.n_frames:
        raise IndexError(f"{clip.corpus}/{clip.clip}: frames {start} to {stop} of {clip.n_frames}")
    return range(start, stop, step)


def _bytes_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1
