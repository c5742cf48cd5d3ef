"""Work that may fail and may be slow, kept out of the way of work that may not."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from manifests.problem import ProblemError

_FAILURES_IN_A_ROW, _PAUSE_S = 2, 60.0


class Background:
    """One thread that does one thing after another and survives each of them.

    After two failures in a row it leaves everything out for a minute: a server that is gone costs two
    timeouts and not one for each call.

    Args:
        name: of the thread, and of the log that failures go to.
        on_failure: called after each failure, on the thread.
    """

    def __init__(self, name: str, on_failure: Callable[[], None]) -> None:
        self._log = logging.getLogger(name)
        self._on_failure = on_failure
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._failures: int
        self._paused_until: float
        self.missed: int
        self.reasons: list[str]
        self._forget()

    def later(self, action: Callable[..., Any], *details: Any) -> None:
        """Do this when its turn comes; returns at once."""
        self._worker.submit(self._attempt, action, details)

    def _attempt(self, action: Callable[..., Any], details: tuple[Any, ...]) -> None:
        if time.monotonic() < self._paused_until:
            self.missed += 1
            return
        try:
            action(*details)
            self._failures = 0
        except Exception as error:  # noqa: BLE001  whatever a network, a database or a disk may raise
            self._log.warning("an entry is left out", exc_info=error)
            self._note(error)
            self._on_failure()

    def resume(self) -> None:
        """When its turn comes, end a pause and forget what was missed: the caller is about to catch up."""
        self._worker.submit(self._forget)

    def wait(self) -> None:
        """Return when all that has been asked for is done or given up."""
        self._worker.submit(lambda: None).result()

    def close(self) -> None:
        """Wait, and end the thread."""
        self._worker.shutdown(wait=True)

    def _forget(self) -> None:
        self._failures, self._paused_until = 0, 0.0
        self.missed, self.reasons = 0, []

    def _note(self, error: Exception) -> None:
        kind = "" if isinstance(error, ProblemError) else f"{type(error).__name__}: "
        reason = " ".join(f"{kind}{error}".split())[:400]
        if reason not in self.reasons:
            self.reasons.append(reason)
        self.missed += 1
        self._failures += 1
        if self._failures >= _FAILURES_IN_A_ROW:
            self._paused_until = time.monotonic() + _PAUSE_S
