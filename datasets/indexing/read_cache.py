"""What an index has read so far, kept beside the manifest so that the next run reads only what has changed.

A cache and never the truth: the manifest is made from it and does not need it. Deleting ``.index.sqlite``
costs nothing but reading the corpus again.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import socket
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from datasets.corpus import Reading, Rows
from manifests import Clip, Finding, Problem, ProblemError
from manifests.clips import FIELDS

log = logging.getLogger(__name__)

READER_VERSION = 5
"""Raised by hand whenever an adapter gives another clip for the same files: all clips are then read again."""

CACHE_FILE, LOCK_FILE = ".index.sqlite", ".index.lock"
_TABLE_VERSION = 1
"""Version of the cache's own table, kept as SQLite's user_version."""
_TABLE = (
    "CREATE TABLE clips (clip TEXT PRIMARY KEY, key TEXT NOT NULL, columns TEXT NOT NULL,"
    " findings TEXT NOT NULL, fixations BLOB NOT NULL, checksum INTEGER NOT NULL)"
)
_SECONDS_BETWEEN_COMMITS = 0.5


@dataclass(frozen=True, slots=True)
class Packed:
    """What one clip's files gave, its fixations compressed by the process that read them."""

    clip: Clip
    findings: tuple[Finding, ...]
    fixations: bytes


def pack(reading: Reading) -> Packed:
    """Compress the fixations, column by column: a frame's number repeats and its rows are near each other."""
    columns = np.ascontiguousarray(np.asarray(reading.rows, "<i4").T)
    return Packed(reading.clip, reading.findings, zlib.compress(columns.data, 1) if columns.size else b"")


def _unpack(fixations: bytes) -> Rows:
    return np.frombuffer(zlib.decompress(fixations), "<i4").reshape(3, -1).T


@contextmanager
def only_index_in(folder: Path) -> Iterator[None]:
    """Keep every other index out of a manifest's folder; the lock dies with the process that holds it.

    Raises:
        ProblemError: another process is at work there; names it.
    """
    path = folder / LOCK_FILE
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            found = file.read().strip() or "another process"
            remedy = "Wait until it has finished, or stop it; then give the same command again."
            raise ProblemError(Problem(str(folder), "no other index at work here", found, remedy)) from None
        except OSError as error:
            # Some shared file systems know no locks; two runs at once are a mistake, not the usual case.
            log.warning("%s cannot be locked (%s): give this command only once at a time", folder, error)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}, since {time.strftime('%H:%M:%S')}\n")
        file.flush()
        yield


class ReadCache:
    """One row per clip read, in SQLite; a context, and the fixations that `manifests.write` asks for.

    Written by one process (`only_index_in`). Rows are committed every half second, so that being killed loses
    no more than that. A cache that is damaged or not one of this project is begun afresh.

    Args:
        folder: the manifest's folder, which exists.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / CACHE_FILE
        try:
            self._database = self._connect()
        except sqlite3.DatabaseError as error:
            self._begin_afresh(error)
        self._committed = time.monotonic()

    def __enter__(self) -> ReadCache:
        return self

    def __exit__(self, *_: object) -> None:
        with self._saying_what_to_do():
            self._database.commit()
        self._database.close()

    def recall(
        self, keys: Mapping[str, str], part: Callable[[str], str] = str
    ) -> dict[str, tuple[Clip, tuple[Finding, ...]]]:
        """Return what is known of the clips whose key is still the same, by their identifier.

        Args:
            keys: of each clip, a text that changes whenever anything does that its row depends on.
            part: what of the keys as they were put is compared with these.
        """
        known = {}
        try:
            for clip, key, *row, checksum in self._database.execute("SELECT * FROM clips"):
                if keys.get(clip) == part(key) and checksum == _checksum(*row):
                    known[clip] = _parse(*row[:2])
        except (sqlite3.DatabaseError, TypeError) as error:  # or a value of another kind than was put
            self._begin_afresh(error)
            return {}
        return known

    def put(self, key: str, packed: Packed) -> None:
        """Add or replace a clip's row.

        Raises:
            ProblemError: the disk is full, or cannot be written to.
        """
        columns = json.dumps([getattr(packed.clip, name) for name in FIELDS])
        findings = json.dumps([[getattr(f, g.name) for g in fields(Finding)] for f in packed.findings])
        row = (columns, findings, packed.fixations)
        with self._saying_what_to_do():
            self._database.execute(
                "INSERT OR REPLACE INTO clips VALUES (?, ?, ?, ?, ?, ?)",
                (packed.clip.clip, key, *row, _checksum(*row)),
            )
            if time.monotonic() - self._committed > _SECONDS_BETWEEN_COMMITS:
                self._database.commit()
                self._committed = time.monotonic()

    def confirm(self, clip: str, key: str) -> None:
        """Give a clip's row another key: what it was read from is the same all the same."""
        with self._saying_what_to_do():
            self._database.execute("UPDATE clips SET key = ? WHERE clip = ?", (key, clip))

    def get(self, clip: str, /) -> Rows | None:
        """Return the fixations of a clip as they were read: int32 (N, 3) = frame, y, x; None without any.

        Raises:
            ProblemError: the row cannot be read any more.
        """
        with self._saying_what_to_do():
            found = self._database.execute("SELECT fixations FROM clips WHERE clip = ?", (clip,)).fetchone()
            return _unpack(found[0]) if found and found[0] else None

    def keep_only(self, keys: Mapping[str, str]) -> None:
        """Forget the clips that are not among these, and commit: all that is to be read has been."""
        with self._saying_what_to_do():
            known = [clip for (clip,) in self._database.execute("SELECT clip FROM clips")]
            gone = [(clip,) for clip in known if clip not in keys]
            self._database.executemany("DELETE FROM clips WHERE clip = ?", gone)
            self._database.commit()

    def _connect(self) -> sqlite3.Connection:
        """Open the cache, or make one where there is none."""
        new = not self._path.exists() or self._path.stat().st_size == 0
        if new:
            self._path.touch(mode=0o600)
        database = sqlite3.connect(self._path)
        try:
            if new:
                database.execute("BEGIN")
                database.execute(_TABLE)
                database.execute(f"PRAGMA user_version = {_TABLE_VERSION}")
                database.commit()
            tables = database.execute("SELECT sql FROM sqlite_master WHERE type = 'table'").fetchall()
            (form,) = database.execute("PRAGMA user_version").fetchone()
            if (tables, form) != ([(_TABLE,)], _TABLE_VERSION):
                raise sqlite3.DatabaseError("it has been made by something else")
            # Rows have checksums; what SQLite finds them by has none, and would miss some clips' fixations.
            (state,) = database.execute("PRAGMA integrity_check(1)").fetchone()
            if state != "ok":
                raise sqlite3.DatabaseError(" ".join(state.split()))
        except sqlite3.DatabaseError:
            database.close()
            raise
        return database

    def _begin_afresh(self, error: Exception) -> None:
        log.warning("%s cannot be used (%s): all clips are read again", self._path, error)
        if hasattr(self, "_database"):
            self._database.close()
        for suffix in ("", "-journal", "-wal", "-shm"):
            self._path.with_name(f"{CACHE_FILE}{suffix}").unlink(missing_ok=True)
        with self._saying_what_to_do():
            self._database = self._connect()

    @contextmanager
    def _saying_what_to_do(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, zlib.error) as error:
            remedy = "Make room if the disk is full, and give the same command again."
            problem = Problem(str(self._path), "a file to note down what was read", str(error), remedy)
            raise ProblemError(problem) from error


def _checksum(columns: str, findings: str, fixations: bytes) -> int:
    return zlib.crc32(fixations, zlib.crc32(f"{columns}{findings}".encode()))


def _parse(columns: str, findings: str) -> tuple[Clip, tuple[Finding, ...]]:
    # What a cache of before has no value for is at its default, as in a manifest.
    values = dict(zip(FIELDS, json.loads(columns), strict=False))
    keyframes = {name: tuple(values[name]) for name in ("keyframes", "keyframe_frames")}
    return Clip(**values | keyframes), tuple(Finding(*row) for row in json.loads(findings))
