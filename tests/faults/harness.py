"""A small real grid in processes of its own that are killed at random moments of chosen phases.

Everything that a grid's command starts, Ray's processes included, inherits a variable of the environment
that nothing else has: so exactly those processes are found, and no others are ever touched.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow.parquet as pq

from grid.commands.run import INTERRUPTED
from grid.results.ledger import Ledger
from tests.places import REPOSITORY

_MARK = "GRID_UNDER_FAULTS"
_SPEC = """
name: small
title: A small grid
metrics: [NSS, CC, SIM, AUC-J, s-AUC]
sources: [DHF1K]
targets: [Hollywood2]
approaches: [generalization, transfer]
"""
# As small as the network allows, a state after every iteration, and scores that no rounding hides.
_SETTINGS = [
    *("model.height=32", "model.width=32", "train.micro_batch=2", "test.eight_bit=false"),
    *("train.iterations=8", "train.finetune_iterations=5", "train.validate_every=2"),
    *("train.checkpoint_every=1",),
]
# Processes that outlive their driver end by themselves within this time, or the test fails. Ray's agents try
# for a minute to tell a control store that has died with the driver what has happened to them.
_LAST_ONES_S = 150.0
DEADLINE_S = 400.0


class Bench:
    """An output folder and the one command that works on it, again and again.

    Args:
        folder: where the output folder is made.
        corpora: an output folder whose demo corpora and manifests are shared; None to generate them.
    """

    def __init__(self, folder: Path, corpora: Path | None = None) -> None:
        self.out = folder / "out"
        self.out.mkdir(parents=True)
        for name in ("corpora", "manifests") if corpora else ():
            (self.out / name).symlink_to(corpora / name)
        (folder / "small.yaml").write_text(_SPEC)
        script = [sys.executable, str(REPOSITORY / "run_grid.py"), "--grid", str(folder / "small.yaml")]
        self.command = [*script, "--demo", "--out", str(self.out), *_SETTINGS]
        # Sockets have short names, so that this folder lies at the top.
        self.scratch = Path(tempfile.mkdtemp(prefix="faults-"))
        self.mark = uuid.uuid4().hex
        places = {"TMPDIR": str(self.scratch), "RAY_TMPDIR": str(self.scratch)}
        self.environment = os.environ | places | {_MARK: self.mark}
        self.told = folder / "told.txt"
        self.finished: Counter[str] = Counter()
        self.driver: subprocess.Popen | None = None

    def close(self) -> None:
        """End what is left of this bench's own processes, and remove its scratch folder."""
        for process in self.processes():
            _end(process)
        shutil.rmtree(self.scratch, ignore_errors=True)

    def start(self) -> subprocess.Popen:
        """Start the command unless it runs; what it says goes to `told`."""
        if self.driver is None or self.driver.poll() is not None:
            self._count()
            with self.told.open("w") as sink:
                self.driver = subprocess.Popen(
                    self.command,
                    stdout=sink,
                    stderr=subprocess.STDOUT,
                    env=self.environment,
                    start_new_session=True,
                )
        return self.driver

    def finish(self) -> None:
        """Run the command to its end, which must be a good one."""
        for _ in range(2):
            driver = self.start()
            try:
                status = driver.wait(DEADLINE_S)
            finally:
                driver.kill()
            # What was struck may have ended as interrupted: the same command goes on.
            if status != INTERRUPTED:
                break
        errors = [path.read_text() for path in sorted(self.out.glob("logs/*.error.txt"))]
        assert status == 0, "\n".join([self.told.read_text(), *errors])
        self._count()

    def _count(self) -> None:
        text = self.told.read_text() if self.told.exists() else ""
        self.finished.update(re.findall(r"done (?:training|evaluation) (.*) in \d", text))
        self.told.write_text("")

    def processes(self) -> list[psutil.Process]:
        """Every living process that the command has started, however deep."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(_MARK) == self.mark:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def workers(self, name: str) -> list[psutil.Process]:
        """Those of Ray's workers that do this at the moment."""
        return [process for process in self.processes() if _title(process).startswith(name)]

    def wait_for_the_last(self) -> float:
        """Wait until none of the command's processes is left; return the seconds that it took."""
        started = time.monotonic()
        while left := self.processes():
            waited = time.monotonic() - started
            assert waited < _LAST_ONES_S, f"left after {waited:.0f} s: {[_title(p) for p in left]}"
            time.sleep(0.2)
        return time.monotonic() - started

    def damage(self) -> None:
        """Cut short the newest saved state, as a failing disk may."""
        states = sorted(self.out.glob("resume/*/checkpoint_*/state.pt"), key=lambda path: path.parent.name)
        os.truncate(states[-1], states[-1].stat().st_size // 2)

    def results(self) -> dict[str, tuple[int, int]]:
        """File of every result → what changes if it is written again."""
        stats = {path.name: path.stat() for path in self.out.glob("results/*.parquet")}
        return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}

    def rows(self) -> dict[str, list]:
        """Rows of every result: curves, and the scores of each frame. No times are among them."""
        return {path.name: pq.read_table(path).to_pylist() for path in self.out.glob("results/*.parquet")}

    def aside(self) -> set[str]:
        """Files that no user asked for: hidden ones, saved states, and what lies in the scratch folder."""
        found = {path.relative_to(self.out) for path in self.out.rglob(".*") if path.is_file()}
        found |= {path.relative_to(self.out) for path in self.out.glob("resume/*")}
        # Ray keeps its sessions' logs in its own folder, here as everywhere.
        return {str(path) for path in found} | {path.name for path in self.scratch.iterdir()}

    def resumed(self) -> int:
        """Count the trainings that went on from a saved state."""
        ledger, total = Ledger(self.out), 0
        for path in self.out.glob("results/training-*.parquet"):
            result = ledger.read_training(path.stem.removeprefix("training-"))
            total += bool(result and result.summary["resumed"])
        return total


@dataclass(frozen=True)
class Phase:
    """A stretch of a grid's way in which something is killed.

    Attributes:
        name: of the phase.
        begun: whether it has since a time (seconds of the epoch), by what lies on disk or was said.
        spread: seconds after its beginning within which the moment is drawn.
        victim: what the command line of the process to strike has in it; None for the driver.
        signals: of which one is drawn; see `_strike`.
    """

    name: str
    begun: Callable[[Bench, float], bool]
    spread: float
    victim: str | None = None
    signals: tuple[str, ...] = ("KILL",)


def _says(text: str) -> Callable[[Bench, float], bool]:
    return lambda bench, _: text in bench.told.read_text()


def _writes(pattern: str) -> Callable[[Bench, float], bool]:
    return lambda bench, since: any(_modified(path) > since for path in bench.out.glob(pattern))


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _works(title: str) -> Callable[[Bench, float], bool]:
    return lambda bench, _: bool(bench.workers(title))


# A training of one worker runs in its trial's process (`grid.running.trial`).
_TRAINER, _SCORER = "ray::ImplicitFunc", "ray::do_part"
_ENDED = ("KILL", "TERM")
_ALL_OF_THE_DRIVERS = ("KILL", "TERM", "HUP", "INT INT", "STOP")
_STOPPED_FOR_S = 60.0
_STATES = "resume/*/checkpoint_*/state.pt"
# Processes of Ray's that a training stands on, as they show in command lines.
_SURROUNDINGS = {
    "raylet": "raylet/raylet",
    "control store": "gcs/gcs_server",
    "Train's controller": "ray::TrainController",
    "Train's synchronisation": "ray::SynchronizationActor",
    "autoscaler": "autoscaler/_private/monitor.py",
    "agent": "dashboard/agent.py",
}
# In the order in which a grid comes through them.
PHASES = (
    Phase("generation", _says("generating"), 4.0),
    Phase("indexing", _says("indexing"), 3.0),
    Phase("frame decoding", _says("decoding frames"), 2.0),
    Phase("starting Ray", _says("starting Ray"), 6.0),
    Phase("training", _writes(_STATES), 3.0),
    Phase("training: its worker", _writes(_STATES), 2.0, _TRAINER),
    Phase("saving a state", _writes("resume/*/checkpoint_*/.state.pt.*"), 0.3),
    Phase("writing weights", _writes("checkpoints/.*.partial"), 0.1),
    Phase("writing results", _writes("results/*.parquet"), 0.02),
    Phase("evaluation", _says("started evaluation"), 4.0),
    Phase("evaluation: its worker", _works(_SCORER), 1.0, _SCORER),
    Phase("compiling", _says("compiling tables"), 1.0),
)
# What a training stands on, by all signals, and the driver by those that a user's machine sends.
WIDER = (
    *(
        Phase(f"training: {name}", _writes(_STATES), 3.0, title, (*_ENDED, "STOP"))
        for name, title in _SURROUNDINGS.items()
    ),
    Phase("training: the driver", _writes(_STATES), 3.0, None, _ALL_OF_THE_DRIVERS),
    Phase("training: its worker", _writes(_STATES), 2.0, _TRAINER, (*_ENDED, "STOP")),
    Phase("evaluation: raylet", _says("started evaluation"), 3.0, _SURROUNDINGS["raylet"], _ENDED),
    Phase("evaluation: its worker", _works(_SCORER), 1.0, _SCORER, (*_ENDED, "STOP")),
    Phase("evaluation: the driver", _says("started evaluation"), 3.0, None, _ALL_OF_THE_DRIVERS),
)


@dataclass(frozen=True)
class Kill:
    """What came of one attempt: the phase, whether its moment came, and how long orphans were waited for."""

    phase: str
    hit: bool
    orphans_s: float = 0.0


def disturb(bench: Bench, phase: Phase, chance: random.Random) -> Kill:
    """Run the command until something is killed in this phase, or until it ends well without.

    A worker's death is the command's own business: it is left running.
    """
    driver, since = bench.start(), time.time()
    if not _comes(lambda: phase.begun(bench, since), driver):
        bench.finish()
        return Kill(phase.name, hit=False)
    moment = time.monotonic() + chance.uniform(0.0, phase.spread)
    _comes(lambda: time.monotonic() >= moment, driver)
    signals = chance.choice(phase.signals)
    name = f"{phase.name}, {signals}"
    if phase.victim:
        workers = [found for found in bench.processes() if phase.victim in _title(found)]
        for worker in workers[:1]:
            _strike(worker, signals)
        return Kill(name, hit=bool(workers))
    hit = driver.poll() is None
    _strike(psutil.Process(driver.pid), signals) if hit else None
    if signals == "STOP":
        return Kill(name, hit)
    driver.wait(DEADLINE_S)
    # Every other time the next run meets what the dead driver's processes are still doing.
    return Kill(name, hit, bench.wait_for_the_last() if chance.random() < 0.5 else 0.0)


def _comes(condition: Callable[[], bool], driver: subprocess.Popen) -> bool:
    deadline = time.monotonic() + DEADLINE_S
    while driver.poll() is None:
        if condition():
            return True
        assert time.monotonic() < deadline, "neither the phase nor the end came"
        time.sleep(0.002)
    return False


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline()[:3]) or process.name()
    except psutil.Error:
        return ""


def _end(process: psutil.Process) -> None:
    _strike(process, "KILL")


def _strike(process: psutil.Process, signals: str) -> None:
    """Send signals by their names, one soon after the other; what is stopped goes on after a minute."""
    try:
        for word in signals.split():
            process.send_signal(getattr(signal, f"SIG{word}"))
            time.sleep(0.3)
        if signals == "STOP":
            time.sleep(_STOPPED_FOR_S)
            process.send_signal(signal.SIGCONT)
    except psutil.NoSuchProcess:
        return


def check(bench: Bench, undisturbed: Bench, kept: dict[str, tuple[int, int]]) -> None:
    """Hold a bench that has come to its end against one that nothing was done to.

    Args:
        bench: killed, and run to its end.
        undisturbed: run once.
        kept: the results that there were after each kill, as `Bench.results` gave them.
    """
    assert bench.rows() == undisturbed.rows(), "the numbers are those of the undisturbed run, bit for bit"
    assert kept.items() <= bench.results().items(), "no result was written a second time"
    assert max(bench.finished.values()) == 1, bench.finished
    left = bench.aside() - undisturbed.aside()
    assert not left, f"half done, and left: {left}"
    bench.wait_for_the_last()
