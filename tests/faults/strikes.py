"""What of a grid's run is struck, when and with which signals: every process that it has, on all its way."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from grid.commands.run import DONE, INTERRUPTED
from tests.faults.harness import DEADLINE_S, Bench, title

Victims = Callable[[Bench], list[psutil.Process]]
# A process is ended, asked to end, loses its terminal, or stands still for a minute.
_OF_A_PROCESS = ("KILL", "TERM", "HUP", "STOP")
# The driver besides: a key that is pressed, a terminal that is closed and a job that is cancelled reach all
# of the driver's group, and a machine that sleeps stops everything.
_OF_THE_DRIVER = (*_OF_A_PROCESS, "all: INT", "all: INT INT", "all: HUP", "all: TERM", "all: STOP")
_BETWEEN_KEYS_S = 0.3
STOPPED_FOR_S = 60.0


@dataclass(frozen=True)
class Phase:
    """A stretch of a grid's way in which something is struck.

    Attributes:
        name: of the phase, and of what is struck in it.
        begun: whether it has since a time (seconds of the epoch), by what lies on disk or was said.
        spread: seconds after its beginning within which the moment is drawn.
        victims: finds the processes of which one is struck; None for the driver.
        signals: of which one is drawn; see `_strike`.
        workers: that a training must have for it.
        anew: whether corpora must be made for it, which others share.
    """

    name: str
    begun: Callable[[Bench, float], bool]
    spread: float
    victims: Victims | None = None
    signals: tuple[str, ...] = _OF_THE_DRIVER
    workers: int = 1
    anew: bool = False

    @property
    def in_training(self) -> bool:
        """Whether it is a part of a training, of which there are few and short ones."""
        return self.name.startswith("training: ")


def _says(text: str) -> Callable[[Bench, float], bool]:
    return lambda bench, _: text in bench.told.read_text()


def _writes(pattern: str) -> Callable[[Bench, float], bool]:
    return lambda bench, since: any(_modified(path) > since for path in bench.out.glob(pattern))


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _called(name: str) -> Victims:
    return lambda bench: [found for found in bench.processes() if name in title(found)]


def _trainers(bench: Bench) -> list[psutil.Process]:
    """Those that train: Ray Train's workers, or the trial's own process (`grid.running.trial`)."""
    return _called("ray::RayTrainWorker")(bench) or _called(_TRIAL)(bench)


def _loaders(bench: Bench) -> list[psutil.Process]:
    """Those that read clips for a training, which are called as it is."""
    found: list[psutil.Process] = []
    for trainer in _trainers(bench):
        with suppress(psutil.Error):
            found += trainer.children()
    return found


_TRIAL, _SCORER = "ray::ImplicitFunc", "ray::do_part"
_STATES = "resume/*/checkpoint_*/state.pt"
_saves, _scores = _writes(_STATES), lambda bench, _: bool(bench.workers(_SCORER))
_half_a_state = _writes("resume/*/checkpoint_*/.state.pt.*")
_half_the_weights = _writes("checkpoints/.*.pt.*")
# What a training stands on, by what command lines have in them.
_SURROUNDINGS = {
    "raylet": "raylet/raylet",
    "control store": "gcs/gcs_server",
    "autoscaler": "autoscaler/_private/monitor.py",
    "idle worker": "ray::IDLE",
    "dashboard": "dashboard/dashboard.py",
    "agent": "ray::DashboardAgent",
    "environments' agent": "ray::RuntimeEnvAgent",
    "log monitor": "_private/log_monitor.py",
}
# What Ray Train and Tune start for a training whose workers have processes of their own.
_OF_RAY_TRAIN = {
    "Train's controller": "ray::TrainController",
    "Train's synchronisation": "ray::SynchronizationActor",
    "Train's placement": "ray::PlacementGroupCleaner",
    "Train's data": "ray::DatasetManager",
    "queue of reports": "ray::_QueueActor",
    "Tune's trial": _TRIAL,
    "autoscaler's coordinator": "ray::_AutoscalingCoordinatorActor",
}
# On corpora that are generated for it alone, so small that one process indexes and decodes them.
BEFORE = (
    Phase("generation: the driver", _says("generating"), 4.0, anew=True),
    Phase("indexing: the driver", _says("indexing"), 3.0, anew=True),
    Phase("frame decoding: the driver", _says("decoding frames"), 2.0, anew=True),
)
# In the order in which a grid comes through them.
PHASES = (
    Phase("starting Ray: the driver", _says("starting Ray"), 6.0),
    *(
        Phase(f"training: {name}", _saves, 3.0, _called(words), _OF_A_PROCESS)
        for name, words in _SURROUNDINGS.items()
    ),
    *(
        Phase(f"training: {name}", _saves, 3.0, _called(words), _OF_A_PROCESS, workers=2)
        for name, words in _OF_RAY_TRAIN.items()
    ),
    Phase("training: its worker", _saves, 2.0, _trainers, _OF_A_PROCESS),
    Phase("training: its loader", _saves, 2.0, _loaders, _OF_A_PROCESS),
    Phase("training: the driver", _saves, 3.0),
    Phase("saving a state: the driver", _half_a_state, 0.3),
    Phase("saving a state: its worker", _half_a_state, 0.1, _trainers, _OF_A_PROCESS),
    Phase("writing weights: the driver", _half_the_weights, 0.1),
    Phase("writing weights: its worker", _half_the_weights, 0.1, _trainers, _OF_A_PROCESS),
    Phase("writing results: the driver", _writes("results/*.parquet"), 0.02),
    Phase("evaluation: raylet", _scores, 1.0, _called(_SURROUNDINGS["raylet"]), _OF_A_PROCESS),
    Phase("evaluation: control store", _scores, 1.0, _called(_SURROUNDINGS["control store"]), _OF_A_PROCESS),
    Phase("evaluation: its worker", _scores, 1.0, _called(_SCORER), _OF_A_PROCESS),
    Phase("evaluation: the driver", _scores, 3.0),
    Phase("compiling: the driver", _says("compiling"), 5.0),
)


@dataclass(frozen=True)
class Strike:
    """What came of one attempt.

    Attributes:
        phase: its name.
        signals: that were sent.
        hit: whether the moment came, and there was somebody to strike.
        orphans_s: seconds that a dead driver's processes were waited for.
    """

    phase: str
    signals: str
    hit: bool
    orphans_s: float = 0.0


def disturb(
    bench: Bench, phase: Phase, chance: random.Random, signals: str = "", stopped_s: float = STOPPED_FOR_S
) -> Strike:
    """Run the command until something is struck in this phase, or until it ends well without.

    What happens to another process than the driver is the command's own business: it is left running.

    Args:
        bench: whose command.
        phase: when, and what.
        chance: draws the moment, and the signals if none are given.
        signals: one of the phase's.
        stopped_s: seconds after which what was stopped goes on.
    """
    signals = signals or chance.choice(phase.signals)
    driver, since = bench.start(), time.time()
    if not _comes(lambda: phase.begun(bench, since), driver):
        bench.finish()
        return Strike(phase.name, signals, hit=False)
    moment = time.monotonic() + chance.uniform(0.0, phase.spread)
    _comes(lambda: time.monotonic() >= moment, driver)
    if phase.victims:
        found = phase.victims(bench)
        if found:
            _strike([chance.choice(found)], signals, stopped_s)
        return Strike(phase.name, signals, hit=bool(found))
    return _driver_struck(bench, phase, chance, signals, stopped_s)


def _driver_struck(
    bench: Bench, phase: Phase, chance: random.Random, signals: str, stopped_s: float
) -> Strike:
    driver = bench.start()
    hit, (reach, _, words) = driver.poll() is None, signals.rpartition(": ")
    if hit:
        everybody = bench.processes() if "STOP" in words else _group(bench, driver)
        _strike(everybody if reach else [psutil.Process(driver.pid)], words, stopped_s)
    if "STOP" in words:
        return Strike(phase.name, signals, hit)
    said = len(bench.told.read_text())
    status = driver.wait(DEADLINE_S)
    expected = {-signal.SIGKILL} if words == "KILL" else {INTERRUPTED}
    if words == "INT INT":
        # The second may come when Python has left, and a shell calls that 130 as well.
        expected.add(-signal.SIGINT)
    told = bench.told.read_text()
    # One that is struck at its end may have had nothing left to do.
    if "started" not in told[said:]:
        expected.add(DONE)
    assert status in expected, f"status {status} after {signals}: {told}"
    # Every other time the next run meets what the dead driver's processes are still doing.
    return Strike(phase.name, signals, hit, bench.wait_for_the_last() if chance.random() < 0.5 else 0.0)


def _comes(condition: Callable[[], bool], driver: subprocess.Popen) -> bool:
    deadline = time.monotonic() + DEADLINE_S
    while driver.poll() is None:
        if condition():
            return True
        assert time.monotonic() < deadline, "neither the phase nor the end came"
        time.sleep(0.002)
    return False


def _group(bench: Bench, driver: subprocess.Popen) -> list[psutil.Process]:
    """Those that a terminal's keys and its end reach: the driver's process group."""
    found = []
    for process in bench.processes():
        with suppress(ProcessLookupError):
            found += [process] if os.getpgid(process.pid) == driver.pid else []
    return found


def _strike(processes: list[psutil.Process], signals: str, stopped_s: float) -> None:
    """Send signals by their names, one soon after the other; what is stopped goes on after a while."""
    for n, word in enumerate(signals.split()):
        time.sleep(_BETWEEN_KEYS_S if n else 0.0)
        _send(processes, getattr(signal, f"SIG{word}"))
    if signals == "STOP":
        time.sleep(stopped_s)
        _send(processes, signal.SIGCONT)


def _send(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
