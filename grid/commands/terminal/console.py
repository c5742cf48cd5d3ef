"""The terminal while a grid runs: one calm display, and everything else in a log file."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from grid.commands.terminal.names import Name
from grid.commands.terminal.progress import GridState, Job
from grid.plan import Evaluation, Row, Training
from grid.results.failures import reason
from grid.results.files import mask
from grid.results.output_folder import Kind
from grid.results.unit_results import EvaluationResult
from grid.running.events import Listener

_ROWS_OF_JOBS = 8
_SECONDS_BETWEEN_PLAIN_LINES = 10.0
# Where output went before it was redirected: descriptor → a copy of what it was.
_ORIGINALS: dict[int, int] = {}


@contextmanager
def quiet_output(log: Path, draw_on: int = 1) -> Iterator[TextIO]:
    """Send all output of this process and of its children to a file; yields what leads to the terminal.

    File descriptors are redirected, not Python's streams: Ray's C++ code and its child processes know only
    those. Enter it before Ray is imported, and draw on what it yields. The file is its owner's alone, and has
    no secrets in it once the block has ended, or the next one begins beside it.

    Args:
        log: the file; it grows.
        draw_on: the descriptor to draw on: 1, or 2 where standard output belongs to a program's answer.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    for left in log.parent.glob(f"*{log.suffix}"):
        mask(left)
    log.touch(mode=0o600)
    encoding = getattr(sys.__stdout__, "encoding", None) or "utf-8"
    _flush()
    saved = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    _ORIGINALS.update(saved)
    try:
        with log.open("ab") as sink, _written_to(saved[draw_on], encoding) as terminal:
            for descriptor in saved:
                os.dup2(sink.fileno(), descriptor)
            yield terminal
    finally:
        _flush()
        restore_output()
        _ORIGINALS.clear()
        for original in saved.values():
            os.close(original)
        mask(log)


@contextmanager
def _written_to(descriptor: int, encoding: str) -> Iterator[TextIO]:
    terminal = os.fdopen(os.dup(descriptor), "w", 1, encoding, "replace")
    try:
        yield terminal
    finally:
        # Of lines that a full disk, or a program that has ended, did not take.
        with suppress(OSError):
            terminal.close()


def restore_output() -> None:
    """Send output where it went before, also for a program that takes this one's place; from any thread."""
    for descriptor, original in _ORIGINALS.items():
        os.dup2(original, descriptor)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


class Progress(Listener):
    """Shows a grid's progress: live on a terminal, as plain lines elsewhere.

    Args:
        state: the grid's jobs; told of every event.
        terminal: where to draw, from `quiet_output`.
        title: the grid's name and where its results go.
        log: the file that holds the rest of the output.
    """

    def __init__(self, state: GridState, terminal: TextIO, title: str, log: Path) -> None:
        self.state, self.title, self.log = state, title, log
        self._terminal = terminal
        self._console = Console(file=terminal, highlight=False)
        self._live: Live | None = None
        # The display is drawn by a thread of its own, which must not meet a state half changed. Ctrl-C is
        # heard amid whatever this one does, and shown at once.
        self._lock = threading.RLock()
        self._spoken = state.clock()

    def __enter__(self) -> Progress:
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            # Python's prints belong into the log, where their descriptor leads, and not above the display.
            self._live = Live(
                get_renderable=self.render,
                console=self._console,
                refresh_per_second=4,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        else:
            self._say(f"{self.title}; log: {self.log}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def on_phase(self, text: str) -> None:
        """Show what the driver does now."""
        with self._lock:
            self.state.phase = text
        if text:
            self._say(text)

    def on_todo(self, units: Collection[str]) -> None:
        """Count them as waiting, whatever they were."""
        with self._lock:
            for unit in units:
                self.state.put_off(unit)

    def on_training_started(self, training: Training) -> None:
        """Show the training among what runs."""
        self._start(training)

    def on_training_progress(
        self, training: Training, step: int, total: int, losses: Mapping[str, float], rows: Iterable[Row]
    ) -> None:
        """Show the training's iteration and losses."""
        with self._lock:
            self.state.advance(training.id, step, losses)
        if self.state.clock() - self._spoken >= _SECONDS_BETWEEN_PLAIN_LINES:
            how_far = f"{step}/{total}, " if total else ""
            self._say(f"{training.label}: {how_far}{_losses(losses)}")

    def on_training_finished(
        self, training: Training, summary: Mapping[str, Any], curve: Iterable[Row]
    ) -> None:
        """Count the training as done."""
        self._finish(training)

    def on_training_failed(self, training: Training, error_file: Path) -> None:
        """Show the failure and where its reason is."""
        self._fail(training, error_file)

    def on_training_stopped(self, training: Training, where: str) -> None:
        """Count the training, and its tests, as stopped."""
        with self._lock:
            self.state.stop(training.id)
        self._say(f"stopped training {training.label}, hopeless {where}; {self._summary()}")

    def on_evaluation_started(self, evaluation: Evaluation) -> None:
        """Show the evaluation among what runs."""
        self._start(evaluation)

    def on_evaluation_finished(self, evaluation: Evaluation, result: EvaluationResult) -> None:
        """Count the evaluation as done."""
        self._finish(evaluation)

    def on_evaluation_failed(self, evaluation: Evaluation, error_file: Path) -> None:
        """Show the failure and where its reason is."""
        self._fail(evaluation, error_file)

    def on_interrupted(self, unit: Training | Evaluation, why: str) -> None:
        """Show that the unit waits for the next call, and why."""
        with self._lock:
            self.state.put_off(unit.id)
        self._say(f"interrupted {self.state.jobs[unit.id].kind} {unit.label}: {' '.join(why.split())}")

    def render(self) -> RenderableType:
        """Draw the display as it is now."""
        with self._lock:
            parts: list[RenderableType] = [self._header(), self._bars()]
            running = self.state.having("running")
            if running:
                parts += ["", _running_table(self.state, running)]
            failed = self.state.having("failed")
            parts += [Text(f"failed: {job.label}: {job.error}", "red") for job in failed[-_ROWS_OF_JOBS:]]
            return Group(*parts)

    def _start(self, unit: Training | Evaluation) -> None:
        with self._lock:
            self.state.start(unit.id)
        self._say(f"started {self.state.jobs[unit.id].kind} {unit.label}")

    def _finish(self, unit: Training | Evaluation) -> None:
        with self._lock:
            seconds = self.state.finish(unit.id)
        kind = self.state.jobs[unit.id].kind
        self._say(f"done {kind} {unit.label} in {duration(seconds)}; {self._summary()}")

    def _fail(self, unit: Training | Evaluation, error: Path) -> None:
        with self._lock:
            self.state.fail(unit.id, error)
        job = f"{self.state.jobs[unit.id].kind} {unit.label}"
        why = reason(error) or "there was no room or right to write down why"
        self._say(f"FAILED {job}: {why} (see {error}); {self._summary()}")

    def _say(self, line: str) -> None:
        """Print a line where there is no terminal to draw on; no grid ends because nothing takes it."""
        if self._live is None:
            since = duration(self.state.clock() - self.state.begun)
            with suppress(OSError):
                print(f"[{since}] {line}", file=self._terminal, flush=True)
            self._spoken = self.state.clock()

    def _summary(self) -> str:
        parts = []
        for kind in ("training", "evaluation"):
            count = self.state.count(kind)
            parts.append(f"{kind}s {count['done']}/{count.total()}")
        return ", ".join(parts)

    def _header(self) -> RenderableType:
        elapsed = duration(self.state.clock() - self.state.begun)
        line = Text.assemble((self.title, "bold"), (f"  log: {self.log}", "dim"))
        return Group(line, Text(f"{self.state.phase}  {elapsed}{self._time_left()}".strip()), "")

    def _time_left(self) -> str:
        left = self.state.time_left()
        if left is None:
            return ""
        return f", {'about' if left.complete else 'more than'} {duration(left.seconds)} left"

    def _bars(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for kind in ("training", "evaluation"):
            table.add_row(*_bar(self.state, kind))
        return table


def _bar(state: GridState, kind: Kind) -> tuple[RenderableType, ...]:
    count = state.count(kind)
    others = [
        f"{count[status]} {status}"
        for status in ("running", "waiting", "stopped", "failed", "blocked")
        if count[status]
    ]
    bar = ProgressBar(max(count.total(), 1), count["done"], width=20)
    return f"{kind}s", bar, f"{count['done']}/{count.total()}", ", ".join(others)


def _running_table(state: GridState, running: list[Job]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for job in running[:_ROWS_OF_JOBS]:
        step = f"{job.step}/{job.units}" if job.kind == "training" else ""
        shown = _losses(job.losses) if job.reports or job.kind == "evaluation" else "starting worker"
        table.add_row(Name(job.label), step, shown, duration(state.elapsed(job)))
    if len(running) > _ROWS_OF_JOBS:
        table.add_row(Text(f"and {len(running) - _ROWS_OF_JOBS} more", "dim"))
    return table


def _losses(losses: Mapping[str, float]) -> str:
    # Plus nothing: what is rounded to −0 is 0.
    return "  ".join(f"{name} {round(value, 3) + 0.0:.3f}" for name, value in losses.items())


def duration(seconds: float) -> str:
    """Say a time as people do: 7 s, 3 min 20 s, 2 h 05 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
