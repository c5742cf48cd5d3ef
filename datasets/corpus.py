"""What every corpus adapter offers, the adapters there are, and reading a clip that may be damaged."""

from __future__ import annotations

import hashlib
import importlib
import os
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from datasets import corpora
from datasets.indexing.file_stamps import Stamp, stamp
from manifests import Clip, Finding, Problem, ProblemError
from manifests.problem import suggest

if TYPE_CHECKING:
    from datasets.listing.layouts import Layout

Rows = np.ndarray
"""Fixated pixels of one clip: int32 (N, 3) = frame from 0, row, column."""


class ClipError(Exception):
    """Why one clip cannot be used; it becomes the reason of its quarantine.

    Args:
        kind: a short word to count by, as in `Finding`.
        expected: what should have been there.
        found: what was there.
        path: the file or folder concerned, relative to the root; the clip's own when left out.
        remedy: what to do about it.
    """

    def __init__(self, kind: str, expected: str, found: str, *, path: str = "", remedy: str = "") -> None:
        super().__init__(kind, expected, found)
        self.kind, self.expected, self.found = kind, expected, found
        self.path, self.remedy = path, remedy

    def __str__(self) -> str:
        return f"expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A clip as its place in the corpus tells it, before any of its files is opened."""

    clip: str
    split: str
    source_video: str
    media: str
    """video or frames."""
    path: str
    """The video, or the folder of frames: posix, relative to the corpus root."""
    maps: str = ""
    """Folder of the saliency maps; empty where there is none."""
    fixations: str = ""
    """Folder of the fixation images or .mat files, or one file for the clip; empty where there is none."""
    fault: Finding | None = None
    """Why the clip is unusable, where its place already tells; its files are then left alone."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The clips a corpus root holds, and what was noticed while listing them."""

    entries: list[Entry]
    layout: str
    """Name of the layout that fits; one of the corpus's `layouts`."""
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class Reading:
    """One clip as read: its row, its fixated pixels, and what was noticed."""

    clip: Clip
    rows: Rows
    findings: tuple[Finding, ...] = ()


class Corpus(ABC):
    """A corpus: lists its clips, and reads each one by itself, so that a pool can share them out."""

    name: str
    """As tables and manifests print it."""
    word: str
    """As the command line says it; the module's name."""
    published: Mapping[str, int]
    """How many clips each split has as published; empty where nobody published any."""
    layouts: tuple[Layout, ...]
    """The ways the corpus is known to lie on disk."""

    @abstractmethod
    def list(self, root: Path, layout: str | None = None) -> Listing:
        """List the clips under a root by their names only.

        Args:
            root: where the corpus lies.
            layout: name of one of `layouts`; None takes the one that fits best.

        Raises:
            ProblemError: this is no root of the corpus, two layouts fit equally, or there is no such layout.
        """

    @abstractmethod
    def read(self, root: Path, entry: Entry) -> Reading:
        """Read one clip; anything raised here quarantines it (`read_entry`, which fills in its stamp too)."""


def read_entry(corpus: Corpus, root: Path, entry: Entry, stamped: Stamp | None = None) -> Reading:
    """Read one clip of a corpus; a damaged one comes back quarantined, with an error among the findings.

    Args:
        corpus: the corpus.
        root: where it lies.
        entry: the clip as listed.
        stamped: its `stamp`, when it was taken just before.
    """
    stamped = stamped or stamp(root, entry)
    try:
        reading = quarantine(corpus, entry, entry.fault) if entry.fault else _read(corpus, root, entry)
    except ClipError as error:
        reading = quarantine(corpus, entry, as_finding(error, entry))
    except Exception as error:  # noqa: BLE001 - damaged files raise whatever their reader's author chose
        damage = ClipError("unreadable", "files that can be read", said(error, root))
        reading = quarantine(corpus, entry, as_finding(damage, entry))
    clip = replace(reading.clip, size_bytes=stamped.size_bytes, mtime_ns=stamped.mtime_ns)
    return replace(reading, clip=clip)


def _read(corpus: Corpus, root: Path, entry: Entry) -> Reading:
    """Read a clip, check where it was looked at, and hash its files."""
    reading = corpus.read(root, entry)
    if reading.clip.status != "ok":
        return reading
    _check_rows(reading)
    return replace(reading, clip=replace(reading.clip, content=_content(root, reading.clip)))


def _check_rows(reading: Reading) -> None:
    """Raise a ClipError unless all fixated pixels lie within the clip: they must not spoil the manifest."""
    clip, rows = reading.clip, reading.rows
    # What is no number is not inside either.
    outside = ~np.all((rows >= 0) & (rows < (clip.n_frames, clip.height, clip.width)), axis=1)
    if outside.any():
        frame, y, x = rows[outside][0].tolist()
        expected = f"fixations within {clip.n_frames} frames of {clip.width}x{clip.height}"
        found = f"{outside.sum()} outside, the first in frame {frame} at y={y}, x={x}"
        raise ClipError("outside-frame", expected, found)


def _content(root: Path, clip: Clip) -> str:
    """Return a hash of what is in a clip's files, in order of name; just read, they are still in memory."""
    digest = hashlib.sha256()
    for path in clip.paths():
        with (root / path).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def as_finding(error: ClipError, entry: Entry, level: str = "error") -> Finding:
    """Return what is wrong with a clip as a finding."""
    remedy = error.remedy or "Mend or replace the file, and index again."
    path = error.path or entry.path
    return Finding(level, error.kind, entry.clip, path, error.expected, error.found, remedy)


def said(error: Exception, root: Path) -> str:
    """Return what an error says without where the corpus lies: reasons are part of a manifest's digest."""
    text = f"{type(error).__name__}: {error}"
    for place in {os.path.realpath(root), os.fspath(root)} - {"."}:
        text = text.replace(f"{place}{os.sep}", "")
    return text.encode(errors="replace").decode()


def quarantine(corpus: Corpus, entry: Entry, fault: Finding) -> Reading:
    """Return a clip as unusable, for this reason; its stamp is left at 0."""
    reason = f"expected {fault.expected}, found {fault.found}"
    clip = describe(corpus.name, entry, status="quarantined", reason=reason)
    return Reading(clip, np.empty((0, 3), np.int32), (fault,))


def describe(corpus: str, entry: Entry, **columns: object) -> Clip:
    """Return a clip's row: its place as listed, the columns given, and the others empty or 0."""
    empty = dict.fromkeys(
        ("frame_pattern", "map_pattern", "fixation_pattern", "codec", "reason", "content"), ""
    )
    whole = ("first_frame", "first_annotation", "n_frames", "width", "height", "n_fixated_frames")
    zero = dict.fromkeys((*whole, "size_bytes", "mtime_ns"), 0)
    other = {"fps": 0.0, "keyframes": (), "keyframe_frames": (), "status": "ok"}
    place = {name: getattr(entry, name) for name in ("split", "clip", "source_video", "media", "path")}
    return Clip(**(empty | zero | other | {"corpus": corpus} | place | columns))


def available() -> list[str]:
    """Return the command-line words of all adapters."""
    return list(_adapters())


def _adapters() -> dict[str, Corpus]:
    names = [module.name for module in pkgutil.iter_modules(corpora.__path__)]
    modules = [importlib.import_module(f"{corpora.__name__}.{name}") for name in names]
    return {module.CORPUS.word: module.CORPUS for module in modules if hasattr(module, "CORPUS")}


def get(word: str) -> Corpus:
    """Return the adapter with this command-line word or corpus name.

    Raises:
        ProblemError: there is none; names the nearest and all there are.
    """
    by_word = _adapters()
    by_name = {corpus.name: corpus for corpus in by_word.values()}
    known = by_word | by_name
    if word in known:
        return known[word]
    raise ProblemError(Problem("corpus", "a known corpus", repr(word), suggest(word, known)))


def require(corpus: str, root: Path, found: object, expected: str) -> None:
    """Raise a ProblemError unless something of the corpus was found under the root."""
    if found:
        return
    inside = "a file" if root.is_file() else "no such folder"
    if root.is_dir():
        names = sorted(p.name for p in root.iterdir())
        inside = (
            "an empty folder" if not names else f"only {', '.join(names[:8])}{' …' if len(names) > 8 else ''}"
        )
    raise ProblemError(
        Problem(f"{corpus} at {root}", expected, inside, "Give the folder that holds these as --root.")
    )
