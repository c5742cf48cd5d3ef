"""One run at a time in an output folder: two would train the same models and write the same files."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from grid.results import output_folder
from manifests.problem import Problem, ProblemError, locking


@contextmanager
def held(out: Path, doing: str) -> Iterator[None]:
    """Hold the output folder while the block runs.

    The operating system lets go of the lock when its holder ends, however that comes about; what a dead
    holder has written into the file stands in nobody's way.

    Args:
        out: the output folder; made when missing.
        doing: what for, as the next one is told.

    Raises:
        ProblemError: another run holds it, or nothing can be written or locked there.
    """
    path = out / output_folder.LOCK
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        remedy = "Give a folder that can be written to: --out DIR."
        raise ProblemError(Problem(str(out), "an output folder", str(error), remedy)) from error
    with file:
        try:
            with locking(out, "--out DIR"):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "another run"
            remedy = "Wait for it, end it, or give another folder: --out DIR."
            raise ProblemError(Problem(str(out), "no other run in it", holder, remedy)) from error
        started = time.strftime("%Y-%m-%d %H:%M:%S")
        note = f"{doing}, process {os.getpid()} on {socket.gethostname()} since {started}\n"
        # The lock holds without the note, for which a full disk has no room.
        with suppress(OSError):
            os.ftruncate(file.fileno(), 0)
            os.write(file.fileno(), note.encode())
        yield
