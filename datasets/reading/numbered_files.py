"""Numbered files of a clip: found by their names, without a hole, and decoded one after the other."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from datasets.corpus import ClipError
from datasets.listing.file_names import is_usable_name
from datasets.reading.images import open_image
from manifests import natural_key

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
    others: tuple[str, ...] = ()
    """Names of everything else in the folder."""
    links: int = 0
    """How many of the files are links that lead out of the root."""

    def path(self, i: int) -> str:
        """Return the path of file ``i`` (from 0), relative to the root."""
        return self.pattern.format(self.first + i)

    def between(self, start: int, stop: int) -> Numbered:
        """Return the files of the numbers `start` to `stop`, without the latter."""
        return replace(self, first=start, count=stop - start)


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
    names, others, links = _names(root, folder, suffixes)
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
    return Numbered(folder, pattern, first, count, strays, others, links)


def single(path: str) -> Numbered:
    """Return a file as the only one of a clip, number 1, whatever its name."""
    return Numbered(path.rpartition("/")[0], literal(path), 1, 1)


def files_by_suffix(root: Path, folder: str) -> Counter[str]:
    """Return how many files of each suffix, in lower case, a folder holds; none where there is no folder."""
    return Counter(name.rpartition(".")[2].lower() for name in _names(root, folder, ())[1])


def _names(root: Path, folder: str, suffixes: tuple[str, ...]) -> tuple[list[str], tuple[str, ...], int]:
    """Return the names with one of the suffixes, the others, and how many of those link out of the root."""
    names, others, links, inside = [], [], 0, os.path.realpath(root).rstrip(os.sep) + os.sep
    try:
        with os.scandir(f"{os.fspath(root)}/{folder}") as items:
            for item in items:
                if not is_usable_name(item.name):
                    continue
                if item.name.rpartition(".")[2].lower() not in suffixes:
                    others.append(item.name)
                    continue
                names.append(item.name)
                links += item.is_symlink() and not os.path.realpath(item.path).startswith(inside)
    except (FileNotFoundError, NotADirectoryError):
        return [], (), 0
    return sorted(names, key=natural_key), tuple(others), links


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
