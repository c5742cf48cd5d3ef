"""Numbered files of a clip, each of them opened, decoded and checked, and the fixated pixels among them."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from datasets.corpus import ClipError, Rows
from datasets.listing.file_names import is_usable_name
from datasets.reading import matfile
from datasets.reading.images import check_size, open_image
from manifests import natural_key

MOST_FIXATED_SHARE = 0.1
"""More fixated pixels than this share of a frame are no fixations: somebody put the saliency maps there."""

_NUMBERED_STEM = re.compile(r"(.*?)([0-9]+)([^0-9]*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Numbered:
    """Files of one folder that are named in one way and numbered without a hole."""

    folder: str
    """Relative to the corpus root, posix."""
    pattern: str
    """The files' paths relative to the corpus root, with one integer field."""
    first: int
    count: int
    strays: tuple[str, ...] = ()
    """Names of files of the same kind without a number."""
    links: int = 0
    """How many of the files are links that lead out of the root."""

    def path(self, i: int) -> str:
        """Return the path of file ``i`` (from 0), relative to the root."""
        return self.pattern.format(self.first + i)


def numbered(
    root: Path, folder: str, suffixes: tuple[str, ...], prefix: str | None = None
) -> Numbered | None:
    """Find the numbered files of a folder; None where there is no file with one of the suffixes.

    The number is the last one in a name; what stands before and after it must be the same in all of them.

    Args:
        root: the corpus root.
        folder: relative to it.
        suffixes: without a dot, in lower case; they match in either case. Other files are passed over.
        prefix: what must stand before the number; None takes what is found.

    Raises:
        ClipError: names of several kinds, or not of this clip; padded in two ways; numbers with holes.
    """
    names, links = _names(root, folder, suffixes)
    matches = {name: _NUMBERED_STEM.fullmatch(name.rpartition(".")[0]) for name in names}
    files = [(m[1], m[2], f"{m[3]}.{name.rpartition('.')[2]}") for name, m in matches.items() if m]
    if not files:
        return None
    (before, after) = _naming(folder, files, prefix)
    digits = sorted((d for _, d, _ in files), key=lambda d: (int(d), d))
    width = min(map(len, digits))
    if any(f"{int(d):0{width}d}" != d for d in digits):
        found = f"{digits[0]} and {digits[-1]}"
        raise ClipError("mixed-padding", "numbers padded in one way", found, path=folder)
    first, count = int(digits[0]), len(digits)
    if int(digits[-1]) - first + 1 != count:
        present = set(map(int, digits))
        holes = [n for n in range(first, first + count + 1) if n not in present]
        found = f"{count} numbers from {digits[0]} to {digits[-1]}, without {holes[0]}"
        raise ClipError("missing-number", "numbers without a hole", found, path=folder)
    pattern = "".join(
        (literal(f"{folder}/{before}"), f"{{:0{width}d}}" if width > 1 else "{:d}", literal(after))
    )
    strays = tuple(name for name, match in matches.items() if not match)
    return Numbered(folder, pattern, first, count, strays, links)


def count_files(root: Path, folder: str, suffixes: tuple[str, ...]) -> int:
    """Return how many files with one of the suffixes a folder holds; 0 where there is no such folder."""
    return len(_names(root, folder, suffixes)[0])


def _names(root: Path, folder: str, suffixes: tuple[str, ...]) -> tuple[list[str], int]:
    """Return the names with one of the suffixes, and how many of them are links out of the root."""
    names, links, inside = [], 0, os.path.realpath(root).rstrip(os.sep) + os.sep
    try:
        with os.scandir(f"{os.fspath(root)}/{folder}") as items:
            for item in items:
                if item.name.rpartition(".")[2].lower() in suffixes and is_usable_name(item.name):
                    names.append(item.name)
                    links += item.is_symlink() and not os.path.realpath(item.path).startswith(inside)
    except FileNotFoundError:
        return [], 0
    return sorted(names, key=natural_key), links


def _naming(folder: str, files: list[tuple[str, str, str]], prefix: str | None) -> tuple[str, str]:
    """Return what stands before and after the numbers in all of the names."""
    kinds = Counter((before, after) for before, _, after in files).most_common()
    if len(kinds) > 1:
        found = " and ".join(f"{n} of {before}<number>{after}" for (before, after), n in kinds[:3])
        raise ClipError("mixed-names", "files named in one way", found, path=folder)
    before, after = kinds[0][0]
    if prefix is not None and before != prefix:
        expected, found = f"files {prefix}<number>{after}", f"{before}<number>{after}"
        raise ClipError("wrong-names", expected, found, path=folder)
    return before, after


def literal(text: str) -> str:
    """Return a path as a pattern that stands for it alone."""
    return text.replace("{", "{{").replace("}", "}}")


def decoded(root: Path, files: Numbered) -> Iterator[Image.Image]:
    """Yield every image of a clip in order, decoded to its last row.

    Raises:
        ClipError: one of them cannot be.
    """
    for i in range(files.count):
        yield open_image(root, files.path(i))


def read_fixation_images(root: Path, images: Numbered, size: tuple[int, int]) -> Rows:
    """Return the pixels above 0 of the fixation images: int32 (N, 3) = frame from 0, row, column.

    Raises:
        ClipError: an image cannot be read, has another size (width, height), or shows no fixations but a map.
    """
    blocks = []
    for i, image in enumerate(decoded(root, images)):
        check_size(image, size, images.path(i))
        plain = image if image.mode in ("L", "1", "I;16") else image.convert("L")
        blocks.append(_points(i, np.asarray(plain), images.path(i)))
    return np.concatenate(blocks)


def read_fixation_mats(root: Path, files: Numbered, size: tuple[int, int], key: str = "I") -> Rows:
    """Return the pixels above 0 of the variable ``key`` in .mat files, one file for each frame.

    Raises:
        ClipError: a file cannot be read, or lacks the variable; as for images else.
    """
    blocks = []
    for i in range(files.count):
        path = files.path(i)
        pixels = np.asarray(matfile.load(root, path, key))
        if pixels.shape != size[::-1]:
            expected, found = f"{size[1]}x{size[0]} values", "x".join(map(str, pixels.shape)) or "a number"
            raise ClipError("size-mismatch", expected, found, path=path)
        if pixels.dtype.kind not in "biuf" or np.isnan(pixels).any():
            raise ClipError("no-numbers", "a number in every pixel", "something else", path=path)
        blocks.append(_points(i, pixels, path))
    return np.concatenate(blocks)


def _points(i: int, pixels: np.ndarray, path: str) -> Rows:
    """Return the rows of one frame."""
    # On a flat array of truths: searching two dimensions, or numbers, takes several times as long.
    flat = np.flatnonzero(pixels > 0)
    if len(flat) > max(MOST_FIXATED_SHARE * pixels.size, 1):
        found = f"{len(flat)} of {pixels.size} pixels above 0"
        remedy = "Give one pixel for each fixation; saliency maps belong in the folder of maps."
        raise ClipError("no-points", "single fixated pixels", found, path=path, remedy=remedy)
    block = np.empty((len(flat), 3), np.int32)
    block[:, 0] = i
    block[:, 1], block[:, 2] = np.divmod(flat, pixels.shape[1])
    return block


def count_fixated(rows: Rows) -> int:
    """Return in how many frames anything was looked at."""
    return len(np.unique(rows[:, 0]))
