"""Files that are whole or not there, and what is said when a disk will not take them."""

from __future__ import annotations

import errno
import re
import resource
import shutil
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from pyarrow.fs import FileSystem, FileType

from datasets.frame_store.bounded_folder import human
from hd2s.files import atomic_write
from manifests.problem import Problem, ProblemError
from manifests.secrets import masked

_RUN_AGAIN = (
    "then run the same command again, with --retry-failed where a training or evaluation failed of it:"
    " all that was finished stands."
)
_NO_ROOM_ERRORS = (errno.ENOSPC, errno.EDQUOT)
_NOT_ALLOWED_ERRORS = (errno.EROFS, errno.EACCES, errno.EPERM)
# Object stores show a file only when it is closed.
_ATOMIC_BY_ITSELF = ("s3", "gcs", "abfs")
_BYTES_AT_ONCE = 8 * 2**20
# Of what `upload_atomically` has begun, where a store shows it.
_HALF_UPLOADED = re.compile(r"\..+\.[0-9a-f]{32}")


def write_atomically(path: Path, write: Callable[[Path], Any], size: int = 0) -> None:
    """Have `write` fill a temporary file or folder beside `path`, then put it in place in one step.

    Args:
        path: the file, or a folder that is empty or not there; the folder that it is in is made when missing.
        write: makes the file or the folder whose path it is given, which no earlier call was given.
        size: bytes that it is about to write, where they are many.

    Raises:
        ProblemError: the disk is full, or may not be written to.
    """
    with explained(path, size), atomic_write(path) as temporary:
        write(temporary)


def write_text(path: Path, text: str) -> None:
    """Write a text that people will read, atomically and without secrets. Errors of `write_atomically`.

    What is no text in UTF-8, as in names of folders that an error may tell, is written as its bytes' numbers.
    """
    content = masked(text).encode("utf-8", "backslashreplace")
    write_atomically(path, partial(Path.write_bytes, data=content))


def mask(path: Path) -> None:
    """Take secrets out of a text that others have written, such as what libraries say; bytes stay otherwise.

    Nobody may write to it while it is replaced, by one of the same rights.

    Args:
        path: the file; one that is not there is left so, and one that only another user may read to them.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except (FileNotFoundError, IsADirectoryError, PermissionError):
        return
    if (clean := masked(text)) == text:
        return

    def write(part: Path) -> None:
        part.touch(mode=stat.S_IMODE(path.stat().st_mode))
        part.write_bytes(clean.encode("utf-8", "surrogateescape"))

    write_atomically(path, write)


def upload_atomically(system: FileSystem, source: Path, target: str) -> None:
    """Copy a file to a storage, where it is whole or not there.

    Args:
        system: the storage's.
        source: the file on this machine.
        target: its path in the storage.

    Raises:
        OSError: the file cannot be read, or the storage does not take it.
    """
    folder, _, name = target.rpartition("/")
    atomic = not shows_half_uploads(system)
    written = target if atomic else f"{folder}/.{name}.{uuid.uuid4().hex}"
    if not atomic:
        system.create_dir(folder)
    with source.open("rb") as file:
        stream = system.open_output_stream(written)
        try:
            with stream:
                shutil.copyfileobj(file, stream, _BYTES_AT_ONCE)
            if not atomic:
                system.move(written, target)
        except BaseException:
            # An interruption too closes it, so that what had arrived is there; none can be given up.
            if system.get_file_info(written).type == FileType.File:
                system.delete_file(written)
            raise


def shows_half_uploads(system: FileSystem) -> bool:
    """Whether files are seen in a storage before they are whole."""
    return system.type_name not in _ATOMIC_BY_ITSELF


def is_half_uploaded(name: str) -> bool:
    """Whether a file's name is that of an upload under way, or of one that was killed."""
    return _HALF_UPLOADED.fullmatch(name.rpartition("/")[2]) is not None


@contextmanager
def explained(path: Path, size: int) -> Iterator[None]:
    """Say what is missing and how much of it, should the block fail to write `path` for want of room.

    PyTorch tells of a full disk by a RuntimeError without a reason, so that the room left must be looked at.

    Args:
        path: the file.
        size: bytes that it takes; 0 where they are few.

    Raises:
        ProblemError: the disk is full, or may not be written to, or takes no file of this size.
    """
    before = _free(path)
    try:
        yield
    except (OSError, RuntimeError) as error:
        number = error.errno if isinstance(error, OSError) else None
        _require_allowed(path, size, error)
        if number in _NOT_ALLOWED_ERRORS:
            problem = Problem(str(path), "a place to write to", str(error), f"Make it writable, {_RUN_AGAIN}")
            raise ProblemError(problem) from error
        # What was written in vain may still be open, and take room.
        free = before if before < size else _free(path)
        if number not in _NO_ROOM_ERRORS and free >= size:
            raise
        room = f"room for {human(size)}" if size else "room on the disk"
        found = f"{human(free)} free" if free else "none"
        remedy = f"Free {human(size - free) if size > free else 'some'} at least, {_RUN_AGAIN}"
        raise ProblemError(Problem(str(path), room, found, remedy)) from error


def _require_allowed(path: Path, size: int, error: OSError | RuntimeError) -> None:
    """Raise a ProblemError if no file may be so large: by a limit of the shell's, or of the disk's."""
    largest = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    is_limited = largest != resource.RLIM_INFINITY
    if (is_limited and largest < size) or (isinstance(error, OSError) and error.errno == errno.EFBIG):
        found = f"a limit of {human(largest)} (ulimit -f)" if is_limited else "a limit of the disk's"
        remedy = f"Raise it, or give a folder on another disk, {_RUN_AGAIN}"
        expected = f"a file of {human(size)} to be allowed" if size else "a file of its size to be allowed"
        raise ProblemError(Problem(str(path), expected, found, remedy)) from error


def _free(path: Path) -> int:
    """Return the bytes free on the disk of a file that may not exist yet."""
    there = next(parent for parent in path.resolve().parents if parent.exists())
    return shutil.disk_usage(there).free
