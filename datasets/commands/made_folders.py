"""Folders that a command makes anew each time, and never in the place of somebody's work unasked.

Such a folder holds a hidden file, which is no data to any reader, with the digest of all else in it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.listing.file_names import JUNK_NAMES, first_few
from manifests import Problem

_MARK = ".made"


def not_made(place: Path, names: Iterable[str]) -> Iterator[Problem]:
    """Yield what speaks against making these folders of a place anew.

    Args:
        place: the folder that they are in.
        names: of the folders.
    """
    others = [name for name in names if not _is_made(place / name)]
    if others:
        expected = "no folders of these clips but those that this command made, as it left them"
        found = f"{len(others)} with other content: {first_few(others)}"
        yield Problem(str(place), expected, found, "Move them away, or give --replace, which deletes them.")


@contextmanager
def made_anew(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of this one, with all in it, once the block has ended."""
    # Of a link to a folder elsewhere, that folder is replaced.
    folder = folder.resolve()
    new = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    yield new
    (new / _MARK).write_text(_digest(new), encoding="utf-8")
    if folder.is_dir():
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)
    new.rename(folder)


def _is_made(folder: Path) -> bool:
    """Whether nothing is lost with a folder: there is none, it is empty, or it is as a command left it."""
    if not folder.exists() or not (folder.is_file() or any(_files(folder))):
        return True
    mark = folder / _MARK
    return mark.is_file() and mark.read_bytes() == _digest(folder).encode()


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(_files(folder)):
        digest.update(os.fsencode(path.relative_to(folder)) + b"\0%d\0" % path.stat().st_size)
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    """Yield all files below but hidden ones and those that systems leave."""
    for path in folder.rglob("*"):
        if not (path.is_dir() or path.name.startswith(".") or path.name.lower() in JUNK_NAMES):
            yield path
