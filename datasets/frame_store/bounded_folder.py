"""Room for files that can be made again: bounded, shared by processes and machines, the least used go first.

All that changes what is there happens under one lock (flock), which ends with its holder however that dies.
So do the locks on files that are being written and on the lists of files in use: what nobody has locked was
left by the dead.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from manifests.problem import counted

_LOCK, _IN_USE, _PART = ".lock", ".in-use", ".part-"
# Bytes below which starting processes takes longer than decoding.
_SMALL_ENOUGH_FOR_ONE_PROCESS = 100 * 2**20


class NoRoomError(Exception):
    """A file cannot be kept; the text says why, with numbers."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is still to be decoded for some clips, and the room there is for it."""

    clips: int
    """Clips of which frames or maps are not in the store."""
    size: int
    """Bytes that they will take."""
    room: int
    """Bytes that the store may take beside these clips' files that it has."""

    @property
    def fits(self) -> bool:
        """Whether all of it can be kept."""
        return self.size <= self.room

    def workers(self, at_most: int) -> int:
        """Return how many processes decode it soonest."""
        return 1 if self.size < _SMALL_ENOUGH_FOR_ONE_PROCESS else at_most

    def __str__(self) -> str:
        return (
            f"{counted(self.clips, 'clip')} to decode, {human(self.size)}, with room for {human(self.room)}"
        )


@dataclass(frozen=True)
class BoundedFolder:
    """A folder of folders of files.

    Args:
        folder: made when first needed.
        limit: bytes that the files may take together; None for no bound, and nothing is ever removed.
    """

    folder: Path
    limit: int | None = None

    def hold(self, names: Iterable[str]) -> BinaryIO | None:
        """Keep files, there or not yet, from being removed by anyone, as long as the result is not closed.

        Args:
            names: relative to the folder.

        Returns:
            The list of them, locked; None where the folder cannot be written to.
        """
        try:
            with self._locked():
                self._in_use()
                (self.folder / _IN_USE).mkdir(exist_ok=True)
                file = (self.folder / _IN_USE / uuid.uuid4().hex).open("wb")
                file.write("\n".join(names).encode())
                file.flush()
                fcntl.flock(file, fcntl.LOCK_EX)
        except OSError:
            return None
        return file

    def free(self, kept: Iterable[str] = ()) -> int:
        """Return how many bytes could be added if all was removed that is neither `kept` nor held."""
        room = self._disk_free()
        if self.limit is not None:
            keep = set(kept)
            with contextlib.suppress(OSError), self._locked():
                keep |= self._in_use()
            room = min(room, self.limit - sum(size for name, size, _ in self._files() if name in keep))
        return max(room, 0)

    @contextlib.contextmanager
    def writing(self, name: str, size: int) -> Iterator[BinaryIO]:
        """Write a file under another name, which becomes its own when the block ends, and not if it fails.

        Args:
            name: relative to the folder.
            size: bytes that will be written.

        Raises:
            NoRoomError: the bound leaves no room, the disk is full, or the folder cannot be written to.
        """
        part = None
        try:
            part, file = self._claim(name, size)
            with file:
                yield file
                file.flush()
                part.replace(self.folder / name)  # while it is locked: then nobody takes it for abandoned
        except OSError as error:
            raise NoRoomError(f"{error.strerror or error} ({self.folder})") from error
        finally:
            if part is not None:
                part.unlink(missing_ok=True)

    def make(self, size: int) -> None:
        """Remove what was not used for longest until there is room for so many bytes, or nothing can go.

        Files left half written by the dead are removed first, even where there is room.
        """
        with contextlib.suppress(OSError), self._locked() as total:
            self._sweep()
            self._evict(total, size)

    def _claim(self, name: str, size: int) -> tuple[Path, BinaryIO]:
        """Make room, and take it by a file of full length."""
        with self._locked() as total:
            free = self._disk_free()
            if size > free:
                raise NoRoomError(f"{human(size)} needed, {human(free)} to spare on its disk")
            if self.limit is not None and total.read() + size > self.limit:
                self._evict(total, size)
                if total.read() + size > self.limit:
                    raise NoRoomError(
                        f"{human(size)} needed, {human(total.read())} in use of its bound of"
                        f" {human(self.limit)}"
                    )
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            part = path.with_name(f"{_PART}{uuid.uuid4().hex}")
            file = part.open("wb")
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.truncate(size)
            except OSError:
                file.close()
                part.unlink()
                raise
            total.write(total.read() + size)
        return part, file

    def _evict(self, total: _Total, size: int) -> None:
        """Remove what is not held, the longest unused first, until the bound leaves `size`."""
        if self.limit is None:
            return
        files = self._files()
        used = sum(size for _, size, _ in files)
        held = self._in_use() if used + size > self.limit else ()
        for name, bytes_, _ in sorted(files, key=lambda file: file[2]):
            if used + size <= self.limit:
                break
            if name not in held and not Path(name).name.startswith(_PART):
                (self.folder / name).unlink(missing_ok=True)
                used -= bytes_
        total.write(used)

    def _sweep(self) -> None:
        """Remove files that were being written by someone dead."""
        for part in self.folder.glob(f"*/{_PART}*"):
            if _is_abandoned(part):
                part.unlink(missing_ok=True)

    def _files(self) -> list[tuple[str, int, int]]:
        """Return (name, bytes, time of last use) of all files, those being written too."""
        found = []
        for folder in self._scan(self.folder):
            if folder.is_dir() and folder.name != _IN_USE:
                for file in self._scan(Path(folder.path)):
                    with contextlib.suppress(FileNotFoundError):
                        state = file.stat()
                        found.append((f"{folder.name}/{file.name}", state.st_size, state.st_mtime_ns))
        return found

    def _scan(self, folder: Path) -> list[os.DirEntry]:
        try:
            with os.scandir(folder) as items:
                return list(items)
        except FileNotFoundError:
            return []

    def _in_use(self) -> set[str]:
        """Return what is held by the living; remove the lists of the dead. The lock is held."""
        held: set[str] = set()
        for item in self._scan(self.folder / _IN_USE):
            path = Path(item.path)
            if _is_abandoned(path):
                path.unlink(missing_ok=True)
            else:
                held.update(path.read_text(encoding="utf-8").split("\n"))
        return held

    def _disk_free(self) -> int:
        """Return the bytes that may be written to the disk, leaving some for others."""
        folder = next(path for path in (self.folder, *self.folder.absolute().parents) if path.exists())
        disk = shutil.disk_usage(folder)
        return max(disk.free - min(2**30, disk.total // 20), 0)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[_Total]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / _LOCK).open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield _Total(self, file)


@dataclass(frozen=True)
class _Total:
    """Bytes in use as the lock's holders note them, so that not every new file means a walk over all.

    What failed or was removed by others is still in it: before anything is refused, it is counted anew.
    """

    room: BoundedFolder
    file: BinaryIO

    def read(self) -> int:
        self.file.seek(0)
        text = self.file.read()
        # Not so in a new file, and in one that a failing machine has left.
        if text.isdigit():
            return int(text)
        total = sum(size for _, size, _ in self.room._files())
        self.write(total)
        return total

    def write(self, total: int) -> None:
        self.file.truncate(0)
        self.file.write(str(total).encode())
        self.file.flush()


def human(size: int) -> str:
    """Return a number of bytes as people read it."""
    for power, unit in ((9, "GB"), (6, "MB"), (3, "kB")):
        if size >= 10**power:
            return f"{size / 10**power:,.1f} {unit}"
    return f"{size} bytes"


def _is_abandoned(path: Path) -> bool:
    """Whether nobody holds the lock of a file; where there are no locks, whether it is a day old."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, FileNotFoundError):
        return False
    except OSError:
        return time.time() - path.stat().st_mtime > 86_400
    return True
