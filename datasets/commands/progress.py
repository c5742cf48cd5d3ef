"""How far a command has come: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.highlighter import NullHighlighter
from rich.logging import RichHandler
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

_SECONDS_BETWEEN_LINES = 5.0

Tell = Callable[..., None]
"""Called as tell(done, total, …) after each of them; what follows is not looked at."""


@contextmanager
def telling(what: str) -> Iterator[Tell]:
    """Tell on stderr how many clips of something are done, such as "DHF1K", and what is logged meanwhile."""
    console = Console(stderr=True)
    if not console.is_terminal:
        with _logging_to(logging.StreamHandler()):
            yield _Lines(what)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
    )
    handler = RichHandler(
        console=console, show_time=False, show_level=False, show_path=False, highlighter=NullHighlighter()
    )
    with Progress(*columns, console=console, expand=True) as progress, _logging_to(handler):
        yield _Bar(progress, what)


class _Pace:
    """Rate and time left, of what is done since the first of them was reported."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._before: int | None = None

    def rate(self, done: int) -> float:
        """Return how many per second; those done before the first report took no time of this run."""
        if self._before is None:
            self._before = done - 1
        return (done - self._before) / max(time.monotonic() - self._begun, 1e-9)


class _Bar:
    def __init__(self, progress: Progress, what: str) -> None:
        self._progress, self._what = progress, what
        self._pace = _Pace()
        self._task: TaskID | None = None

    def __call__(self, done: int, total: int, *_: object) -> None:
        rate = f"{self._pace.rate(done):.3g} clips/s"
        if self._task is None:
            self._task = self._progress.add_task(self._what, total=total, completed=done - 1, rate=rate)
        self._progress.update(self._task, completed=done, rate=rate)


class _Lines:
    def __init__(self, what: str) -> None:
        self._what = what
        self._pace = _Pace()
        self._told = time.monotonic()

    def __call__(self, done: int, total: int, *_: object) -> None:
        rate = self._pace.rate(done)
        now = time.monotonic()
        if now - self._told < _SECONDS_BETWEEN_LINES and done < total:
            return
        self._told = now
        left = f", about {_duration((total - done) / rate)} left" if done < total else ""
        line = f"{self._what}: {done:,} of {total:,} clips, {rate:.3g} per second{left}"
        logging.getLogger(__name__).info(line)


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


@contextmanager
def _logging_to(handler: logging.Handler) -> Iterator[None]:
    """Show what the project logs through a handler for as long as the block runs."""
    log = logging.getLogger("datasets")
    level = log.level
    handler.setFormatter(logging.Formatter("%(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
