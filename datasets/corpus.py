"""What every corpus adapter offers, the adapters there are, and reading a clip that may be damaged."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets import corpora
from manifests import Clip, Problem, ProblemError
from manifests.check import suggest

Rows = np.ndarray
"""Fixated pixels of one clip: int32 (N, 3) = frame from 0, row, column."""


class ClipError(Exception):
    """Why one clip cannot be used; it becomes the reason of its quarantine."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A clip as its place in the corpus tells it, before any of its files is opened."""

    clip: str
    split: str
    source_video: str
    media: str
    path: str
    """Posix, relative to the corpus root."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The clips a corpus root holds, and what was noticed and left aside while listing them."""

    entries: list[Entry]
    notes: list[str]


class Corpus(ABC):
    """A corpus layout: lists its clips, and reads each one by itself, so that a pool can share them out."""

    name: str
    """As tables and manifests print it."""
    word: str
    """As the command line says it; the module's name."""

    @abstractmethod
    def list(self, root: Path) -> Listing:
        """List the clips under a root by their names only.

        Raises:
            ProblemError: this is no root of the corpus.
        """

    @abstractmethod
    def read(self, root: Path, entry: Entry) -> tuple[Clip, Rows]:
        """Read one clip; anything raised here quarantines that clip (`read_entry`)."""

    def scan(self, root: Path) -> Iterator[tuple[Clip, Rows]]:
        """Yield every clip with its fixated pixels, one at a time."""
        for entry in self.list(root).entries:
            yield read_entry(self.word, root, entry)


def read_entry(word: str, root: Path, entry: Entry) -> tuple[Clip, Rows]:
    """Read one clip of a corpus, or return it quarantined with the reason. Picklable, for process pools."""
    corpus = get(word)
    try:
        return corpus.read(root, entry)
    except ClipError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - damaged files raise whatever their reader's author chose
        # Not where the corpus lies: a reason is part of what the manifest says, and of its digest.
        reason = f"{type(error).__name__}: {error}".replace(f"{root}/", "")
    clip = describe(corpus.name, entry, status="quarantined", reason=reason)
    return clip, np.empty((0, 3), np.int32)


def describe(corpus: str, entry: Entry, **columns: object) -> Clip:
    """Return a clip's row: its place as listed, the columns given, and the others empty or 0."""
    empty = dict.fromkeys(("frame_pattern", "map_pattern", "fixation_pattern", "codec", "reason"), "")
    zero = dict.fromkeys(
        ("first_frame", "n_frames", "width", "height", "n_fixated_frames", "size_bytes", "mtime_ns"), 0
    )
    place = {
        "corpus": corpus,
        "split": entry.split,
        "clip": entry.clip,
        "source_video": entry.source_video,
        "media": entry.media,
        "path": entry.path,
    }
    return Clip(**(empty | zero | {"fps": 0.0, "keyframes": (), "status": "ok"} | place | columns))


def available() -> list[str]:
    """Return the command-line words of all adapters."""
    return [module.name for module in pkgutil.iter_modules(corpora.__path__)]


def get(word: str) -> Corpus:
    """Return the adapter with this command-line word or corpus name.

    Raises:
        ProblemError: there is none; names the nearest and all there are.
    """
    by_word: dict[str, Corpus] = {
        w: importlib.import_module(f"{corpora.__name__}.{w}").CORPUS for w in available()
    }
    by_name = {corpus.name: corpus for corpus in by_word.values()}
    known = by_word | by_name
    if word in known:
        return known[word]
    raise ProblemError(Problem("corpus", "a known corpus", repr(word), suggest(word, known)))


@functools.cache
def published_list(name: str) -> frozenset[str]:
    """Return the clip identifiers of a published split list kept in ``datasets/splits``, e.g. DHF1K.val."""
    text = (Path(__file__).parent / "splits" / f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(text.split())


def require(corpus: str, root: Path, found: object, expected: str) -> None:
    """Raise a ProblemError unless something of the corpus was found under the root."""
    if found:
        return
    inside = "no such folder"
    if root.is_dir():
        names = sorted(p.name for p in root.iterdir())
        inside = (
            "an empty folder" if not names else f"only {', '.join(names[:8])}{' …' if len(names) > 8 else ''}"
        )
    raise ProblemError(
        Problem(f"{corpus} at {root}", expected, inside, "Give the folder that holds these as --root.")
    )
