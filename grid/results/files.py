"""Files that are whole or not there, and what is said when a disk will not take them."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from datasets.frame_store.bounded_folder import human
from manifests.problem import Problem, ProblemError

_AGAIN = "then run the same command again: all that was finished stands."
_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)


def write_atomically(path: Path, write: Callable[[Path], Any], size: int = 0) -> None:
    """Have `write` fill a temporary file beside `path`, then put it in place in one step.

    Args:
        path: the file; its folder is made when missing.
        write: fills the file that it is given.
        size: bytes that it is about to write, where they are many.

    Raises:
        ProblemError: the disk is full, or may not be written to.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with explained(path, size):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def explained(path: Path, size: int) -> Iterator[None]:
    """Say what is missing and how much of it, should the block fail to write `path` for want of room.

    PyTorch tells of a full disk by a RuntimeError without a reason, so that the room left must be looked at.

    Args:
        path: the file.
        size: bytes that it takes; 0 where they are few.

    Raises:
        ProblemError: the disk is full, or may not be written to.
    """
    before = _free(path)
    try:
        yield
    except (OSError, RuntimeError) as error:
        number = error.errno if isinstance(error, OSError) else None
        if number in _CLOSED:
            problem = Problem(str(path), "a place to write to", str(error), f"Make it writable, {_AGAIN}")
            raise ProblemError(problem) from error
        # What was written in vain may still be open, and take room.
        free = before if before < size else _free(path)
        if number not in _FULL and free >= size:
            raise
        room = f"room for {human(size)}" if size else "room on the disk"
        found = f"{human(free)} free" if free else "none"
        missing = human(size - free) if size > free else "some"
        raise ProblemError(Problem(str(path), room, found, f"Free {missing} at least, {_AGAIN}")) from error


def _free(path: Path) -> int:
    """Return the bytes free on the disk of a file that may not exist yet."""
    there = next(parent for parent in path.resolve().parents if parent.exists())
    return shutil.disk_usage(there).free
