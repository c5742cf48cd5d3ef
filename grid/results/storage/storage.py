"""Where all that is durable lies: a folder that all machines see, or a url, and copies on each machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pyarrow.fs import FileSelector, FileType

from datasets.remote import connect, copy_in, node_folder
from grid.results.files import upload_atomically, write_atomically
from manifests.problem import Problem, ProblemError


class Mark(NamedTuple):
    """What tells two versions of a file apart."""

    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Storage:
    """Durable files, by their names relative to the storage's root or their paths on this machine.

    Without a url the folder is the storage: on one machine, or on a disk that all of them share. With one,
    the url is, and folders hold copies: the driver's is the output folder, any other machine's is its own.

    Args:
        url: as `pyarrow.fs.FileSystem.from_uri` takes it, or empty.
        folder: the local side; empty for each machine's own (`datasets.remote.node_folder`).
    """

    url: str = ""
    folder: str = ""
    # Files that were seen at the url, so that they are not asked for one by one.
    _seen: set[str] = field(default_factory=set, compare=False, repr=False)

    @property
    def local(self) -> Path:
        """The folder on this machine."""
        return Path(self.folder) if self.folder else node_folder(self.url)

    @property
    def apart(self) -> bool:
        """Whether each machine has a folder of its own, with copies of what it needs."""
        return bool(self.url) and not self.folder

    def on_nodes(self) -> Storage:
        """Return the storage as other machines see it."""
        return Storage(self.url) if self.url else self

    def place(self, name: str) -> str:
        """Say where a file is, so that every machine understands it."""
        return name if self.apart else str(self.local / name)

    def path(self, place: str | Path) -> Path:
        """Where a file lies on this machine, or would."""
        return self.local / place

    def name(self, place: str | Path) -> str:
        """Return a file's name in the storage."""
        place = Path(place)
        return (place.relative_to(self.local) if place.is_absolute() else place).as_posix()

    def fetch(self, place: str | Path, *, anew: bool = False) -> Path:
        """Return a file's path, having brought it from the url unless this machine has that very version.

        Args:
            place: name, or path; one outside the storage is taken to be on every machine.
            anew: nothing that is here counts, also where the url has none.

        Raises:
            OSError: there is none, or the url does not answer.
            ProblemError: the disk is full.
        """
        path = self.path(place)
        if not self.url or not path.is_relative_to(self.local):
            return path
        system, root = connect(self.url)
        source = f"{root}/{self.name(place)}"
        info, here = system.get_file_info(source), path.exists() and not anew
        if info.type != FileType.File and not here:
            raise FileNotFoundError(f"{self.url}: no {self.name(place)}")
        # A copy of before a unit was made again would be tested in place of what it has come to.
        if info.type == FileType.File and not (here and _mark(path) == Mark(info.size, info.mtime_ns)):
            write_atomically(path, lambda part: copy_in(system, source, part), info.size)
            _stamp(path, info.mtime_ns)
        return path

    def fetch_folder(self, place: str | Path) -> Path:
        """Return a folder's path, having brought all its files from the url as `fetch` does.

        Args:
            place: name, or path; one outside the storage is taken to be on every machine.

        Raises:
            OSError: the url does not answer.
            ProblemError: the disk is full.
        """
        path = self.path(place)
        if self.url and path.is_relative_to(self.local):
            for name in self.files(place):
                self.fetch(name)
        return path

    def publish(self, place: str | Path, source: Path | None = None, *, keep: bool = True) -> None:
        """Bring a local file to the url, where it is whole or not there.

        Args:
            place: of the file.
            source: the file, if it lies elsewhere.
            keep: leave this machine's copy; else it is released.

        Raises:
            OSError: the url does not take it.
        """
        if not self.url:
            return
        path, name = source or self.path(place), self.name(place)
        system, root = connect(self.url)
        target = f"{root}/{name}"
        upload_atomically(system, path, target)
        info = system.get_file_info(target)
        if info.size != path.stat().st_size:
            raise OSError(f"{self.url}/{name}: {info.size} of {path.stat().st_size} bytes arrived")
        self._seen.add(name)
        if source is None:
            _stamp(path, info.mtime_ns)
        if not keep:
            self.release(name)

    def release(self, place: str | Path) -> None:
        """Remove this machine's copy of a file that is at the url, if its folder holds nothing but copies."""
        if self.apart:
            self.path(place).unlink(missing_ok=True)

    def silent(self) -> str:
        """Say what keeps the url from answering; "" where it answers, and without one."""
        try:
            if self.url:
                system, root = connect(self.url)
                system.get_file_info(root)
        except (OSError, ProblemError) as error:
            return f"{self.url}: {error}"
        return ""

    def exists(self, place: str | Path) -> bool:
        """Whether a file is there, in the folder or at the url.

        Raises:
            OSError: the url does not answer.
        """
        if self.path(place).exists():
            return True
        name = self.name(place)
        if self.url and name not in self._seen:
            system, root = connect(self.url)
            if system.get_file_info(f"{root}/{name}").type == FileType.File:
                self._seen.add(name)
        return name in self._seen

    def files(self, folder: str | Path) -> dict[str, Mark]:
        """Return the files in a folder and those below it, by name: the url's where there is one.

        Raises:
            OSError: the url does not answer.
        """
        name = self.name(folder)
        if not self.url:
            return {self.name(path): mark for path, mark in _marks(self.path(name))}
        system, root = connect(self.url)
        under = root if name == "." else f"{root}/{name}"
        infos = system.get_file_info(FileSelector(under, recursive=True, allow_not_found=True))
        marks = {
            info.path.removeprefix(f"{root}/"): Mark(info.size, info.mtime_ns)
            for info in infos
            if info.type == FileType.File
        }
        self._seen.update(marks)
        return marks

    def delete(self, place: str | Path) -> None:
        """Remove a file, or a folder with all in it, here and at the url; nothing, if it is not there.

        Raises:
            OSError: the url does not answer.
        """
        path, name = self.path(place), self.name(place)
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        if not self.url:
            return
        system, root = connect(self.url)
        found = system.get_file_info(f"{root}/{name}").type
        with suppress(FileNotFoundError):  # another was faster
            if found == FileType.Directory:
                system.delete_dir(f"{root}/{name}")
            elif found == FileType.File:
                system.delete_file(f"{root}/{name}")
        self._seen.difference_update([seen for seen in self._seen if f"{seen}/".startswith(f"{name}/")])

    def agree(self, folder: str, suffix: str, *, contents: bool = True, give: bool = True) -> None:
        """Give the url and a local folder each what the other has; where both have a file, the url's counts.

        Args:
            folder: name of the folder.
            suffix: how the names of these files end.
            contents: bring here what is at the url; without, it is enough to know that it is there.
            give: bring there what is here alone.

        Raises:
            ProblemError: the url does not answer, or the disk is full.
        """
        if self.url:
            with answering(self.url):
                self._agree(folder, suffix, contents, give)

    def _agree(self, folder: str, suffix: str, contents: bool, give: bool) -> None:
        there = self.files(folder)
        wanted = {name for name in there if name.endswith(suffix) and not _hidden(name)}
        for name in sorted(wanted if contents else ()):
            path = self.path(name)
            if not path.exists() or _mark(path) != there[name]:
                self.fetch(name, anew=True)
        here = {self.name(path) for path in self.path(folder).glob(f"*{suffix}")}
        for name in sorted(here - wanted if give else ()):
            if not _hidden(name):
                self.publish(name)


@contextmanager
def answering(url: str) -> Iterator[None]:
    """Say what to do should a storage not answer while nothing has been started yet.

    Raises:
        ProblemError: it does not.
    """
    try:
        yield
    except OSError as error:
        found = " ".join(str(error).split())
        remedy = "Run the same command again when it does: all that was finished stands."
        raise ProblemError(
            Problem("storage.url", f"a storage that answers at {url}", found, remedy)
        ) from error


def _marks(folder: Path) -> Iterator[tuple[Path, Mark]]:
    """Yield the files below a folder, but those that are removed meanwhile: states are, while one looks."""
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            with suppress(FileNotFoundError):
                if path.is_file():
                    yield path, _mark(path)


def _mark(path: Path) -> Mark:
    stat = path.stat()
    return Mark(stat.st_size, stat.st_mtime_ns)


def _stamp(path: Path, mtime_ns: int) -> None:
    """Give a copy the time of its original: while they agree, neither has changed."""
    os.utime(path, ns=(mtime_ns, mtime_ns))


def _hidden(name: str) -> bool:
    return name.rpartition("/")[2].startswith(".")
