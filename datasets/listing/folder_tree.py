"""The names under a corpus root, each folder listed once, and what patterns match among them."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from datasets.listing.file_names import (
    IMAGE_SUFFIXES,
    VIDEO_SUFFIXES,
    is_a_folder,
    is_image,
    is_usable_name,
    is_writable_name,
)

Identify = Callable[[str], str | None]
"""From a name at ``{clip}`` to the clip's identifier; None where no clip is named so."""

_FIELDS = {"{clip}": "(?P<clip>.+)"} | {
    f"{{{kind}}}": f"(?i:{'|'.join(suffixes)})"
    for kind, suffixes in (("video", VIDEO_SUFFIXES), ("image", IMAGE_SUFFIXES))
}


@dataclass(frozen=True, slots=True)
class Hit:
    """A path that a pattern matches."""

    path: str
    clip: str = ""
    """Identifier of the clip it belongs to."""
    part: str = ""
    name: str = ""
    """The clip as it is written here."""


class FolderTree:
    """The folders under a root, listed as they are asked for.

    Args:
        root: the corpus root.
        identify: which names are clips.
    """

    def __init__(self, root: Path, identify: Identify) -> None:
        self._root, self._identify = os.fspath(root), identify
        self._inside = os.path.realpath(root).rstrip(os.sep) + os.sep
        self._folders: dict[str, dict[str, bool]] = {}
        self._hits: dict[tuple[str, tuple[str, ...]], list[Hit]] = {}
        self._images: dict[str, bool] = {}
        self.outside: set[str] = set()
        """Links met on the way that lead out of the root."""
        self.closed: dict[str, str] = {}
        """Folders that could not be listed, and why."""
        self.unwritable: Counter[str] = Counter()
        """How many names that are no text each folder has."""

    def names(self, folder: str) -> dict[str, bool]:
        """Return what a folder holds: each name, and whether it is a folder itself."""
        if folder not in self._folders:
            self._folders[folder] = dict(self._scan(folder))
        return self._folders[folder]

    def has_images(self, folder: str) -> bool:
        """Whether any image lies in a folder; looks no further than the first."""
        if folder not in self._images:
            self._images[folder] = any(is_image(name) for name, _ in self._scan(folder))
        return self._images[folder]

    def find(self, pattern: str, parts: tuple[str, ...]) -> list[Hit]:
        """Return everything that a pattern (`datasets.listing.layouts`) matches."""
        key = pattern, parts
        if key not in self._hits:
            hits, steps = [Hit("")], pattern.split("/")
            for depth, step in enumerate(steps, start=1):
                wants_folder = depth < len(steps) or "." not in step
                shape = _shape(step, parts) if "{" in step else None
                hits = [new for hit in hits for new in self._step(hit, step, shape, folder=wants_folder)]
            self._hits[key] = hits
        return self._hits[key]

    def _scan(self, folder: str) -> Iterator[tuple[str, bool]]:
        try:
            with os.scandir(f"{self._root}/{folder}") as items:
                for item in items:
                    if not is_writable_name(item.name):
                        self.unwritable[folder] += 1
                    elif is_usable_name(item.name):
                        if item.is_symlink() and not f"{os.path.realpath(item.path)}/".startswith(
                            self._inside
                        ):
                            self.outside.add(_join(folder, item.name))
                        yield item.name, is_a_folder(item)
        except OSError as error:
            self.closed[folder] = error.strerror or type(error).__name__

    def _step(self, hit: Hit, step: str, shape: re.Pattern[str] | None, *, folder: bool) -> Iterator[Hit]:
        """Yield what follows a hit by one step of a pattern."""
        names = self.names(hit.path)
        if shape is None:
            if names.get(step) is folder:
                yield Hit(_join(hit.path, step), hit.clip, hit.part, hit.name)
            return
        for name, is_folder in names.items():
            if is_folder is not folder:
                continue
            fields = match.groupdict() if (match := shape.fullmatch(name)) else {}
            written = fields.get("clip", hit.name)
            clip = (self._identify(written) or "") if match and written else ""
            if "{clip}" in step and not hit.name and not clip:
                continue
            if match and written == (hit.name or written):
                yield Hit(_join(hit.path, name), clip, fields.get("part", hit.part), written)


def _shape(step: str, parts: tuple[str, ...]) -> re.Pattern[str]:
    """Return what one step of a pattern matches."""
    fields = _FIELDS | {"{part}": f"(?P<part>(?i:{'|'.join(map(re.escape, parts))}))"}
    pieces = re.split(r"(\{\w+\})", step)
    return re.compile("".join(fields.get(piece, re.escape(piece)) for piece in pieces), re.DOTALL)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
