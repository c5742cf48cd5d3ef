"""The contract: what every corpus offers, and what listing and reading it give."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from manifests import Clip, Finding

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
class Layout:
    """One way a corpus is known to lie on disk."""

    name: str
    """As ``--layout`` takes it."""
    media: tuple[str, ...]
    """Patterns of the videos, of the photographs, or of the folders of frames."""
    maps: tuple[str, ...]
    """Patterns of the folders of saliency maps; of photographs, of the map of each."""
    fixations: tuple[str, ...]
    """Patterns of the folders of fixations, or of one file for each clip."""
    parts: tuple[str, ...] = ()
    """What ``{part}`` may be."""

    @property
    def kind(self) -> str:
        """The media of its clips: video, image or frames."""
        return next((kind for kind in ("video", "image") if f"{{{kind}}}" in self.media[0]), "frames")

    def __str__(self) -> str:
        first = self.media[0], *(self.maps or self.fixations)[:1]
        return (
            " with ".join(first)
            .replace("{part}", "|".join(self.parts))
            .replace("{video}", "avi")
            .replace("{image}", "jpg")
        )


TRAINING_TESTING = Layout(
    "shipped",
    ("{part}/{clip}/images",),
    ("{part}/{clip}/maps",),
    ("{part}/{clip}/fixation",),
    parts=("training", "testing"),
)
"""Of Hollywood2 and UCF Sports."""


@dataclass(frozen=True, slots=True)
class MapRule:
    """How a corpus' curators turn fixated pixels into a saliency map: a sum of truncated Gaussians.

    It is scaled to a maximum of 255 and rounded to 8 bits, as maps that are shipped are.
    """

    sigma: float
    """Pixels at native resolution."""
    reach: float
    """Where the Gaussian is cut, in pixels on either side."""
    even: bool
    """An even number of taps: the Gaussian's centre falls half a pixel beside the fixated one."""
    replicate: bool
    """What lies outside the frame: its border repeated, or nothing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A clip as its place in the corpus tells it, before any of its files is opened."""

    clip: str
    split: str
    source_video: str
    media: str
    """video, frames or image."""
    path: str
    """The video, the photograph, or the folder of frames: posix, relative to the corpus root."""
    maps: str = ""
    """Folder of the saliency maps, or a photograph's map; empty where there is none."""
    fixations: str = ""
    """Folder of the fixation images or .mat files, or one file for the clip; empty where there is none."""
    fault: Finding | None = None
    """Why the clip is unusable, where its place already tells; its files are then left alone."""
    tolerate: int = 0
    """How many frames at its ends may lack maps or fixations; they are then left out."""


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
    published: ClassVar[Mapping[str, int]] = MappingProxyType({})
    """How many clips each split has as published; empty where nobody published any."""
    title: str = ""
    """As tables write it, where that is not its name."""
    had_from: ClassVar[str] = ""
    """Its address, size, terms and whom to ask, as its publishers state them; empty where there is none."""
    holds_out: ClassVar[bool] = True
    """Its validation clips are taken from its training clips; False where it is published with some."""
    map_rule: ClassVar[MapRule | None] = None
    """How its maps are made where it ships none; None where nobody has said."""
    layouts: ClassVar[tuple[Layout, ...]] = ()
    """The ways the corpus is known to lie on disk."""

    def identify(self, name: str) -> str | None:
        """Return the clip that a file or folder of this name is of; None for a name that no clip has.

        Args:
            name: without a suffix.
        """
        return name

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
        """Read one clip; anything raised here quarantines it (`datasets.indexing.read_entry`)."""
