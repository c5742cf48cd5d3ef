"""Corpora that lie behind a url, such as s3://bucket/DHF1K: a clip's files are brought when they are read.

What was brought stays on this machine for the next reader, within a bound. Readers lock an entry's folder
(flock, which ends with its holder), so that nothing is removed under them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

from pyarrow import ArrowException
from pyarrow.fs import FileSystem, FileType

from manifests import Clip, Problem, ProblemError
from manifests.problem import locking
from manifests.secrets import has_credentials
from manifests.store import is_url

LOCAL = "HD2S_GRID_LOCAL"
"""Environment variable: the folder for what a machine keeps of what lies elsewhere."""

Kind = Literal["frames", "maps"]

# Images of a clip that are asked for at the same time: each alone waits longer than it takes to come.
_DOWNLOADS_AT_ONCE = 16
_COPIED_AT_A_TIME = 2**20
# Of the disk, for all clips of one url; and never more than half of what is free.
_DISK_SHARE = 10
_UNFINISHED, _REMOVED = ".part-", ".gone-"


def node_folder(url: str) -> Path:
    """Where this machine keeps copies of what lies at a url."""
    return local_folder() / hashlib.sha256(url.encode()).hexdigest()[:12]


def local_folder() -> Path:
    """Where this machine keeps what it can find out again: $HD2S_GRID_LOCAL, or in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get(LOCAL) or Path(cache) / "hd2s-grid")


def connect(url: str) -> tuple[FileSystem, str]:
    """Return the file system of a url, and the path in it, as pyarrow understands them.

    Raises:
        ProblemError: it names no place that pyarrow knows.
        OSError: its server does not answer.
    """
    # A forked process must not use its parent's connections.
    return _connect(url, os.getpid())


@lru_cache(maxsize=16)
def _connect(url: str, process: int) -> tuple[FileSystem, str]:
    del process
    if has_credentials(url):
        remedy = (
            "Leave them out: give them in the environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,"
            " GOOGLE_APPLICATION_CREDENTIALS) or let the machine's role have the right."
        )
        raise ProblemError(Problem(url, "a url without credentials", "credentials in it", remedy))
    try:
        system, path = FileSystem.from_uri(url)
    except (ArrowException, ValueError) as error:
        expected, remedy = "a url such as s3://bucket/folder", "Write it as pyarrow.fs.FileSystem takes it."
        raise ProblemError(Problem(url, expected, " ".join(str(error).split()), remedy)) from error
    return system, path.rstrip("/")


def is_folder(url: str) -> bool:
    """Whether there is anything under a url.

    Raises:
        ProblemError, OSError: as `connect`.
    """
    system, path = connect(url)
    return system.get_file_info(path).type == FileType.Directory


def copy_in(system: FileSystem, source: str, target: Path) -> None:
    """Copy one file of a file system to this machine.

    Raises:
        OSError: there is none, or it cannot be read or written whole.
    """
    with system.open_input_file(source) as stream, target.open("wb") as file:
        expected = stream.size()
        shutil.copyfileobj(stream, file, _COPIED_AT_A_TIME)
    if expected != target.stat().st_size:
        raise OSError(f"{source}: {target.stat().st_size} of {expected} bytes came")


@contextmanager
def at_hand(root: Path | str, clip: Clip, kind: Kind) -> Iterator[Path]:
    """Yield a folder in which a clip's frames, or its maps, have their names, for as long as the block lasts.

    A corpus on disk is read where it lies. An entry on which the block fails is not kept: what is mended at
    the url is found there by the next reader.

    Args:
        root: the corpus root, a folder or a url.
        clip: the clip.
        kind: what of it will be read.

    Raises:
        ProblemError: a file is not there any more, or the disk of what was brought locks no files.
        OSError: the url does not answer, or the disk is full.
    """
    files = _files(clip, kind) if is_url(root) else []
    if not files:
        yield Path(root)
        return
    cache = node_folder(str(root)) / "clips"
    # By the files' names, too: the same pictures may have been renamed and indexed again.
    word = hashlib.sha256(json.dumps([clip.clip, clip.content, kind, *files]).encode()).hexdigest()[:24]
    while (entry := _take(cache, word)) is None:
        _bring(str(root), clip, kind, cache, word)
    folder, lock = entry
    is_kept = True
    try:
        yield folder
    except Exception:
        is_kept = False
        raise
    finally:  # also of who reads no further, which is no error
        os.close(lock)
        if not is_kept:
            _remove(folder)


def _files(clip: Clip, kind: Kind) -> list[str]:
    if kind == "maps":
        return [clip.map_path(i) for i in range(clip.n_frames)] if clip.map_pattern else []
    if clip.media == "video":
        return [clip.path]
    return [clip.frame_path(i) for i in range(clip.n_frames)]


def _take(cache: Path, word: str) -> tuple[Path, int] | None:
    """Return an entry's folder and the descriptor that keeps it from removal; None if there is none."""
    for folder in cache.glob(f"{word}.*"):
        with suppress(FileNotFoundError):
            lock = os.open(folder, os.O_RDONLY)
            try:
                _lock(cache, lock, fcntl.LOCK_SH)
                os.utime(folder)
            except FileNotFoundError:  # it was removed before the lock was ours
                os.close(lock)
                raise
            return folder, lock
    return None


def _bring(root: str, clip: Clip, kind: Kind, cache: Path, word: str) -> None:
    """Bring a clip's files into an entry, which is whole or not there; make room for it afterwards."""
    system, base = connect(root)
    part, lock = _begin(cache)
    try:
        with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
            sizes = pool.map(partial(_bring_file, system, base, part, clip), _files(clip, kind))
            size = sum(sizes)
        # Where another process was faster, its entry stays.
        with suppress(OSError):
            part.rename(cache / f"{word}.{size}")
    finally:
        shutil.rmtree(part, ignore_errors=True)
        os.close(lock)
    _evict(cache, kept=word)


def _begin(cache: Path) -> tuple[Path, int]:
    """Make a folder for what is being brought; return it and the descriptor that keeps it from removal."""
    while True:
        part = cache / f"{_UNFINISHED}{uuid.uuid4().hex}"
        part.mkdir(parents=True)
        with suppress(FileNotFoundError):
            lock = os.open(part, os.O_RDONLY)
            _lock(cache, lock, fcntl.LOCK_EX)
            if part.exists():
                return part, lock
            # Another process has taken it for what the dead have left, before the lock was ours.
            os.close(lock)


def _lock(folder: Path, descriptor: int, how: int) -> None:
    with locking(folder, f"{LOCAL}=DIR"):
        fcntl.flock(descriptor, how)


def _bring_file(system: FileSystem, base: str, folder: Path, clip: Clip, path: str) -> int:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        copy_in(system, f"{base}/{path}", target)
    except FileNotFoundError as error:
        where, remedy = f"{clip.corpus}/{clip.clip} ({base}/{path})", "Upload it, or index the corpus again."
        raise ProblemError(Problem(where, "a file, as indexed", "none", remedy)) from error
    return target.stat().st_size


def _evict(cache: Path, kept: str) -> None:
    """Remove what the dead have left, and what was unused for longest until the rest is within bounds."""
    for rest in (*cache.glob(f"{_UNFINISHED}*"), *cache.glob(f"{_REMOVED}*")):
        _remove(rest)
    entries = [(path, int(path.suffix[1:])) for path in _oldest_first(cache)]
    disk = shutil.disk_usage(cache)
    used = sum(size for _, size in entries)
    allowed = min(disk.total // _DISK_SHARE, (disk.free + used) // 2)
    for path, size in entries:
        if used <= allowed:
            return
        if path.stem != kept and _remove(path):
            used -= size


def _oldest_first(cache: Path) -> Sequence[Path]:
    times = {}
    for path in cache.glob("[!.]*"):
        with suppress(FileNotFoundError):
            times[path] = path.stat().st_mtime_ns
    return sorted(times, key=times.__getitem__)


def _remove(folder: Path) -> bool:
    """Remove a folder that nobody reads or writes; return whether it is gone."""
    try:
        lock = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        _lock(folder, lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever waits for the lock finds the name gone.
        gone = folder.rename(folder.with_name(f"{_REMOVED}{uuid.uuid4().hex}"))
        shutil.rmtree(gone, ignore_errors=True)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        pass
    finally:
        os.close(lock)
    return True
