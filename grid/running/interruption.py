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
# For an iteration to end and its state to be written; what takes longer goes on from its last checkpoint.
_SECONDS_TO_SAVE = 15.0


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
        self._asked = 0.0

    @property
    def asked(self) -> bool:
        """Whether the user wants to stop."""
        return bool(self._asked)

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
        late = time.time() > self._asked + _SECONDS_TO_SAVE or self._storage.apart
        if late or all(map(self._saved, running)):
            end, self._end = self._end, None
            end()

    def _saved(self, training: str) -> bool:
        marks = self._storage.files(output_folder.states(training)).items()
        return any(
            name.endswith(f"/{output_folder.STATE_FILE}") and mark.mtime_ns >= self._asked * 1e9
            for name, mark in marks
        )

    def _hear(self, number: int, frame: FrameType | None) -> None:
        again, self._asked = self.asked, self._asked or time.time()
        if not again:
            self._tell(STOPPING)
        if again or self._end is None:
            raise KeyboardInterrupt
        self._request.parent.mkdir(parents=True, exist_ok=True)
        self._request.touch()
