"""One array of bytes per file, with a checksum for each row, so that exactly what is read is verified."""

from __future__ import annotations

import contextlib
import math
import os
import zlib
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

Shape = tuple[int, ...]
"""Of the array: rows first."""


class DamageError(Exception):
    """A file does not hold what was written to it; the text says how that shows."""


def file_size(shape: Shape) -> int:
    """Return the bytes of the file of an array: its rows, a checksum for each and one for these."""
    return math.prod(shape) + 4 * shape[0] + 4


def write(file: BinaryIO, rows: Iterable[np.ndarray], shape: Shape, name: str = "") -> None:
    """Write an array row by row: the rows one after the other, then their CRC-32s, then that of these.

    The last tells that the file is whole, and that it holds the array of this shape and name.
    """
    checksums = []
    for row in rows:
        data = np.ascontiguousarray(row).data
        checksums.append(zlib.crc32(data))
        file.write(data)
    table = np.array(checksums, "<u4").tobytes()
    file.write(table)
    file.write(_seal(table, shape, name).to_bytes(4, "little"))


class Checksummed:
    """An array's file, open for reading.

    Read by position, not mapped: a window goes straight into the batch and is verified there, without a page
    fault for every 4 kB; and a disk that fails says so, where a mapping kills the process.

    Args:
        path: the file.
        shape: of its array.
        name: of its array.

    Raises:
        FileNotFoundError: there is none.
        DamageError: it has another size than such an array has, or its checksums are damaged or another
            array's.
    """

    def __init__(self, path: Path, shape: Shape, name: str = "") -> None:
        self._row, self._rows = math.prod(shape[1:]), shape[0]
        self._file = path.open("rb", buffering=0)
        size = os.fstat(self._file.fileno()).st_size
        if size != file_size(shape):
            raise DamageError(f"{size:,} bytes instead of {file_size(shape):,}")
        tail = os.pread(self._file.fileno(), size, self._rows * self._row)
        # Files of before arrays had names are taken as they are.
        if int.from_bytes(tail[-4:], "little") not in {_seal(tail[:-4], shape, own) for own in (name, "")}:
            raise DamageError("its table of checksums differs from its own checksum, or is another's")
        self._checksums = np.frombuffer(tail[:-4], "<u4")

    def read_into(self, out: np.ndarray, start: int, step: int = 1) -> None:
        """Fill a contiguous uint8 array (n, …) with rows ``start``, ``start + step`` … of the file.

        Raises:
            DamageError: a row differs from its checksum.
        """
        if step == 1:
            self._read_run(out, start)
            return
        for i in range(len(out)):
            self._read_run(out[i : i + 1], start + i * step)

    def _read_run(self, out: np.ndarray, start: int) -> None:
        if not out.flags.c_contiguous:
            raise ValueError("rows are read into one contiguous array")
        buffer = out.reshape(-1).data
        done = 0
        while done < len(buffer):
            try:
                n = os.preadv(self._file.fileno(), [buffer[done:]], start * self._row + done)
            except OSError as error:  # a failing disk; or on a network, a file that another machine removed
                raise DamageError(str(error)) from error
            if n == 0:
                raise DamageError("it ends early")
            done += n
        for i in range(len(out)):
            if zlib.crc32(buffer[i * self._row : (i + 1) * self._row]) != self._checksums[start + i]:
                raise DamageError(f"frame {start + i} differs from its checksum")

    def is_at(self, path: Path) -> bool:
        """Whether this is still the file at a path, and not one that was put in its place."""
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), path.stat())
        except FileNotFoundError:
            return False


class OpenFiles:
    """Files that one process reads again and again, kept open, the least used closed first.

    That a file is used is recorded, once, as its time of modification.

    Args:
        limit: files open at a time; systems commonly allow a process 1,024.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: OrderedDict[Path, Checksummed] = OrderedDict()
        self._used: set[Path] = set()

    def get(self, path: Path, shape: Shape, name: str = "") -> Checksummed:
        """Return an open file. Arguments and errors of `Checksummed`."""
        if path in self._open:
            self._open.move_to_end(path)
            return self._open[path]
        file = self._open[path] = Checksummed(path, shape, name)
        if path not in self._used:
            self._used.add(path)
            with contextlib.suppress(OSError):  # files that others keep need not be ours to change
                os.utime(path)
        if len(self._open) > self._limit:
            self._open.popitem(last=False)
        return file

    def discard(self, path: Path) -> None:
        """Close a file and remove it, unless it is not ours or another was put in its place since."""
        file = self._open.pop(path, None)
        if file is None or file.is_at(path):
            with contextlib.suppress(OSError):
                path.unlink()


def _seal(table: bytes, shape: Shape, name: str) -> int:
    return zlib.crc32(table, zlib.crc32(name.encode(), zlib.crc32(repr(tuple(map(int, shape))).encode())))
