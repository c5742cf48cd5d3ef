"""Ctrl-C while Ray works: acknowledged at once, and states saved where that takes seconds."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

from grid.results import output_folder
from grid.results.storage import Storage

STOPPING = "stopping; Ctrl-C again to stop at once"
# Besides Ctrl-C: a request to terminate, and a terminal that is closed.
_REQUESTS = (signal.SIGTERM, signal.SIGHUP)
# What strikes all of a process group ends Ray's processes while this one still hears of it.
_SECONDS_TO_HEAR = 2.0
# For an iteration to end and its state to be written; what takes longer goes on from its last checkpoint.
_SECONDS_TO_SAVE = 15.0


@contextmanager
def requests_heard() -> Iterator[None]:
    """Take a request to terminate and a closed terminal for a Ctrl-C, for as long as the block lasts.

    In the main thread alone. A process that was started to outlive its terminal, as by nohup, does so.
    """
    before = {number: signal.getsignal(number) for number in _REQUESTS}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, _as_ctrl_c)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _as_ctrl_c(number: int, frame: FrameType | None) -> None:
    """Do what Ctrl-C does; also where a script's shell, which runs this in the background, has it ignored."""
    del number
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(signal.SIGINT, frame)


@contextmanager
def alone_to_hear() -> Iterator[None]:
    """Have what Ray starts in the block hear nothing of a closed terminal, which this process answers to.

    A request to terminate, to which Ray answers by leaving, is a KeyboardInterrupt here as elsewhere.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        yield
    except SystemExit:
        raise KeyboardInterrupt from None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Interruption:
    """What becomes of Ctrl-C.

    The first one asks trainings to save a state, and ends Tune when they have; where no training runs, and
    from the second one on, it is a KeyboardInterrupt as ever.

    Args:
        storage: where trainings look for the request, and leave their states.
        tell: hears at once that it was heard.
    """

    def __init__(self, storage: Storage, tell: Callable[[str], object] = lambda text: None) -> None:
        self._storage, self._tell = storage, tell
        self._request = storage.path(output_folder.STOP)
        self._end: Callable[[], object] | None = None
        # When the user asked: by the clock that never jumps, and by that of the disk which states are on.
        self._asked, self._asked_ns = 0.0, 0

    @property
    def asked(self) -> bool:
        """Whether the user wants to stop."""
        return bool(self._asked)

    def soon_asked(self) -> bool:
        """Whether the user wants to stop, or says so within a moment; on another thread than the main one."""
        until = time.monotonic() + _SECONDS_TO_HEAR
        while not self.asked and time.monotonic() < until:
            time.sleep(0.05)
        return self.asked

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Hear Ctrl-C for as long as the block lasts; in the main thread alone."""
        self._request.unlink(missing_ok=True)
        before = signal.signal(signal.SIGINT, self._hear)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
            self._request.unlink(missing_ok=True)

    @contextmanager
    def gently(self, end: Callable[[], object]) -> Iterator[None]:
        """Let trainings save while the block lasts, and have `end` called by `end_when_saved` then."""
        self._end = end
        try:
            yield
        finally:
            self._end = None

    def end_when_saved(self, running: Iterable[str]) -> None:
        """End what runs if the user wants to stop, and these trainings have saved or had their time."""
        if not self._asked or self._end is None:
            return
        late = time.monotonic() > self._asked + _SECONDS_TO_SAVE or self._storage.apart
        if late or all(map(self._saved, running)):
            end, self._end = self._end, None
            end()

    def _saved(self, training: str) -> bool:
        marks = self._storage.files(output_folder.states(training)).items()
        return any(
            name.endswith(f"/{output_folder.STATE_FILE}") and mark.mtime_ns >= self._asked_ns
            for name, mark in marks
        )

    def _hear(self, number: int, frame: FrameType | None) -> None:
        again, self._asked = self.asked, self._asked or time.monotonic()
        if not again:
            self._tell(STOPPING)
        if again or self._end is None:
            raise KeyboardInterrupt
        self._request.parent.mkdir(parents=True, exist_ok=True)
        self._request.touch()
        self._asked_ns = self._request.stat().st_mtime_ns
