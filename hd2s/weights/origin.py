"""Whose a checkpoint or a saved state is, and what its tensors were: read without PyTorch."""

from __future__ import annotations

import os
import pickletools
import zipfile
import zlib
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

_DESCRIPTION = "data.pkl"
_TRAINING, _DIGEST = "training", "digest"
_FOLDER = 0x10
"""Of a ZIP entry's attributes: for one that is marked so PyTorch returns memory as it finds it."""
# Of a bit that is another now: a compression that there is not, a password, an end.
_DAMAGED = (ValueError, EOFError, RuntimeError, StopIteration, zipfile.BadZipFile, zlib.error)


class Origin(NamedTuple):
    """What a file says of itself: a training's id and a digest of its tensors; "" where it says nothing."""

    training: str = ""
    digest: str = ""


def origin_of(path: str | os.PathLike) -> Origin:
    """Return what a file of `torch.save` says of itself; nothing, if it is damaged or no such file.

    No code in it is run: the texts of its pickle are listed. A file that has not changed is read once.
    """
    try:
        return read_origin(path)
    except OSError:
        return Origin()


def read_origin(path: str | os.PathLike) -> Origin:
    """Return what a file says of itself as `origin_of` does, where there is one to be read.

    Raises:
        OSError: there is none, or the disk or the network does not answer: it may the next time.
    """
    found = Path(path).stat()
    return _read(os.fspath(path), found.st_ino, found.st_size, found.st_ctime_ns)


def damage_of(path: str | os.PathLike) -> str:
    """Say what of a file of `torch.save` is damaged, by the checksums of all that is in it; "" if nothing is.

    Raises:
        OSError: there is no such file, or it cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            folders = (entry.filename for entry in archive.infolist() if entry.external_attr & _FOLDER)
            damaged = archive.testzip() or next(folders, None)
    except _DAMAGED as error:
        return str(error) or type(error).__name__
    return f"{damaged} in it is damaged" if damaged else ""


# A grid asks some times of each of its checkpoints, whose pickles name hundreds of tensors.
@lru_cache(maxsize=10_000)
def _read(path: str, *identity: int) -> Origin:
    del identity
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(each for each in archive.namelist() if each.endswith(f"/{_DESCRIPTION}"))
            operations = pickletools.genops(archive.read(name))
            values = [argument for kind, argument, _ in operations if "PUT" not in kind.name]
    except _DAMAGED:
        return Origin()
    # A key is followed by its value, which is no text where it only refers to one that came before.
    said = {key: value for key, value in pairwise(values) if isinstance(key, str) and isinstance(value, str)}
    return Origin(said.get(_TRAINING, ""), said.get(_DIGEST, ""))
