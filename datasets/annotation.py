"""Numbered image files, and the fixation images among them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from datasets.corpus import ClipError, Rows


@dataclass(frozen=True, slots=True)
class Numbered:
    """Files numbered without a hole."""

    folder: str
    """Relative to the corpus root, posix."""
    name: str
    """Format of the file names, with one integer field."""
    first: int
    count: int

    @property
    def pattern(self) -> str:
        """The files' paths relative to the corpus root, with one integer field."""
        return f"{self.folder}/{self.name}"

    def paths(self, root: Path) -> list[Path]:
        """Return all the files in the order of their numbers."""
        return [root / self.pattern.format(self.first + i) for i in range(self.count)]


def numbered(root: Path, folder: str, prefix: str = "", suffix: str = ".png") -> Numbered:
    """Find the files ``<prefix><number><suffix>`` of a folder; whatever is named otherwise is ignored.

    Numbers are read from the names, with the zero padding found there.

    Raises:
        ClipError: there is no such file, the numbers have holes, or they are padded in two ways.
    """
    shape = re.compile(re.escape(prefix) + r"(\d+)" + re.escape(suffix))
    path = root / folder
    if not path.is_dir():
        raise ClipError(f"no folder {folder}")
    digits = [m[1] for p in path.iterdir() if (m := shape.fullmatch(p.name))]
    if not digits:
        raise ClipError(f"no file {prefix}<number>{suffix} in {folder}")
    numbers = sorted(int(d) for d in digits)
    width = min(len(d) for d in digits)
    if any(f"{int(d):0{width}d}" != d for d in digits):
        raise ClipError(f"numbers of different zero padding in {folder}: {min(digits)}, {max(digits)}")
    first, count = numbers[0], len(numbers)
    if numbers[-1] - first + 1 != count:
        hole = next(n for n in range(first, numbers[-1]) if n not in set(numbers))
        raise ClipError(f"frame numbers {first} to {numbers[-1]} with holes in {folder}: {hole} is missing")
    return Numbered(folder, f"{prefix}{{:0{width}d}}{suffix}", first, count)


def check_counts(n_frames: int, maps: Numbered, fixations: Numbered) -> None:
    """Raise a ClipError unless every frame has a map and a fixation image."""
    if not n_frames == maps.count == fixations.count:
        raise ClipError(f"{n_frames} frames, {maps.count} maps, {fixations.count} fixation images")
    if maps.first != fixations.first:
        raise ClipError(f"maps are numbered from {maps.first}, fixation images from {fixations.first}")


def read_fixations(root: Path, images: Numbered, width: int, height: int) -> Rows:
    """Return the pixels above 0 of the fixation images: int32 (N, 3) = frame from 0, row, column.

    Raises:
        ClipError: an image has another size than the frames, to which its coordinates would not apply.
    """
    blocks = []
    for i, path in enumerate(images.paths(root)):
        with Image.open(path) as image:
            if image.size != (width, height):
                size = f"{image.size[0]}x{image.size[1]}"
                raise ClipError(f"fixation image {path.name} is {size}, the frames are {width}x{height}")
            pixels = np.asarray(image if image.mode in ("L", "1") else image.convert("L"))
        # On the flat array: a search in two dimensions takes several times as long.
        flat = np.flatnonzero(pixels)
        block = np.empty((len(flat), 3), np.int32)
        block[:, 0] = i
        block[:, 1], block[:, 2] = np.divmod(flat, width)
        blocks.append(block)
    return np.concatenate(blocks)


def count_fixated(rows: Rows) -> int:
    """Return in how many frames anything was looked at."""
    return len(np.unique(rows[:, 0]))
