"""A small real grid in processes of its own, to be struck (`tests.faults.strikes`) and looked at.

Everything that a grid's command starts, Ray's processes included, inherits a variable of the environment
that nothing else has: so exactly those processes are found, and no others are ever touched.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from contextlib import suppress
from itertools import chain
from pathlib import Path

import psutil
import pyarrow.parquet as pq

from grid.commands.run import DONE, INTERRUPTED
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
# As small as the network allows, a state after every iteration, and scores that no rounding hides. Clips are
# read by a process beside the training's, and a worker may be struck more often than Ray's default allows.
_SETTINGS = [
    *("model.height=32", "model.width=32", "train.micro_batch=2", "test.eight_bit=false"),
    *("train.iterations=12", "train.finetune_iterations=6", "train.validate_every=3"),
    *("train.checkpoint_every=1", "resources.loader_workers=1", "resources.max_failures=10"),
]
_SHARED = ("corpora", "manifests", "frames")
# Processes that outlive their driver end by themselves within this time, or the test fails. Ray's agents try
# for a minute to tell a control store that has died with the driver what has happened to them.
_LAST_ONES_S = 150.0
DEADLINE_S = 900.0


class Bench:
    """An output folder and the one command that works on it, again and again.

    Args:
        folder: where the output folder is made.
        corpora: an output folder whose demo corpora, manifests and frames are shared; None to generate them.
        workers: of a training: one is the trial's own process, two are Ray Train's.
    """

    def __init__(self, folder: Path, corpora: Path | None = None, workers: int = 1) -> None:
        self.out, self.workers_each = folder / "out", workers
        self.out.mkdir(parents=True, exist_ok=True)
        for shared in filter(Path.exists, map(corpora.joinpath, _SHARED) if corpora else ()):
            if not (self.out / shared.name).exists():
                (self.out / shared.name).symlink_to(shared)
        (folder / "small.yaml").write_text(_SPEC)
        script = [sys.executable, str(REPOSITORY / "run_grid.py"), "--grid", str(folder / "small.yaml")]
        self.command = [*script, "--demo", "--out", str(self.out), *_SETTINGS]
        self.command += [f"train.world_size={workers}", f"train.accumulate={workers}"]
        # Sockets have short names, so that this folder lies at the top.
        self.scratch = Path(tempfile.mkdtemp(prefix="faults-"))
        self.mark = uuid.uuid4().hex
        places = {"TMPDIR": str(self.scratch), "RAY_TMPDIR": str(self.scratch)}
        # Two hours for users (`grid.running.ray_session`), whose workers may have hours between reports.
        places["RAY_TRAIN_COLLECTIVE_TIMEOUT_S"] = "60"
        # The user's secret; Ray's is made by the run, and found with its processes.
        self._secrets = {secret := uuid.uuid4().hex}
        self.environment = os.environ | places | {_MARK: self.mark, f"{_MARK}_TOKEN": secret}
        self.told, self._note = folder / "told.txt", folder / "scratch.json"
        self.finished: Counter[str] = Counter()
        self.driver: subprocess.Popen | None = None
        self._known: set[psutil.Process] = set()

    def over(self) -> bool:
        """Whether the command has come to a good end."""
        return self.driver is not None and self.driver.poll() == DONE

    def remove(self) -> None:
        """Remove the output folder and what lies beside it."""
        shutil.rmtree(self.out.parent)

    def close(self) -> None:
        """End what is left of this bench's own processes, and remove its scratch folder."""
        for process in self.processes():
            with suppress(psutil.Error):
                process.kill()
        self._note.write_text(json.dumps(sorted(self._scratched())))
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
        assert status == DONE, "\n".join([self.told.read_text(), *errors])
        self._count()

    def _count(self) -> None:
        text = self.told.read_text() if self.told.exists() else ""
        self.finished.update(re.findall(r"done (?:training|evaluation) (.*) in \d", text))
        self.told.write_text("")

    def processes(self) -> list[psutil.Process]:
        """Every living process that the command has started, however deep.

        Some write their names over their environment: those are known by their parents.
        """
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                environment = process.environ()
                if environment.get(_MARK) == self.mark or process.parent() in self._known:
                    self._known.add(process)
                    self._secrets.update(filter(None, [environment.get("RAY_AUTH_TOKEN")]))
        self._known = set(filter(_lives, self._known))
        return sorted(self._known, key=lambda process: process.pid)

    def workers(self, name: str) -> list[psutil.Process]:
        """Those of Ray's workers that do this at the moment."""
        return [process for process in self.processes() if title(process).startswith(name)]

    def wait_for_the_last(self) -> float:
        """Wait until none of the command's processes is left; return the seconds that it took."""
        started = time.monotonic()
        while left := self.processes():
            waited = time.monotonic() - started
            assert waited < _LAST_ONES_S, f"left after {waited:.0f} s: {[title(p) for p in left]}"
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
        # Ray keeps its sessions' logs in its own folder, here as everywhere, and PyTorch a folder.
        return {str(path) for path in found} | self._scratched()

    def _scratched(self) -> set[str]:
        """What is in the scratch folder, and was in those of earlier benches of this output folder."""
        before = json.loads(self._note.read_text()) if self._note.exists() else []
        return {path.name for path in self.scratch.glob("*")} | {*before}

    def told_secrets(self) -> list[str]:
        """Name files, Ray's own among them, and command lines in which a secret of the environment stands."""
        found = []
        for process in self.processes():
            with suppress(psutil.Error):
                found += [title(process)] if self._betrays(" ".join(process.cmdline()).encode()) else []
        # What is written meanwhile, or removed, is passed over.
        for folder, _, names in chain(os.walk(self.out), os.walk(self.scratch)):
            for path in filter(Path.is_file, map(Path(folder).joinpath, names)):
                with suppress(FileNotFoundError):
                    found += [str(path)] if self._betrays(path.read_bytes()) else []
        return found

    def _betrays(self, content: bytes) -> bool:
        return any(secret.encode() in content for secret in self._secrets)

    def resumed(self) -> int:
        """Count the trainings that went on from a saved state."""
        ledger, total = Ledger(self.out), 0
        for path in self.out.glob("results/training-*.parquet"):
            result = ledger.read_training(path.stem.removeprefix("training-"))
            total += bool(result and result.summary["resumed"])
        return total


def title(process: psutil.Process) -> str:
    """Name a process by the beginning of its command line; "" once it has ended."""
    try:
        return " ".join(process.cmdline()[:3]) or process.name()
    except psutil.Error:
        return ""


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


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
    assert not (told := bench.told_secrets()), f"in which secrets stand: {told}"
    left = bench.aside() - undisturbed.aside()
    assert not left, f"half done, and left: {left}"
    bench.wait_for_the_last()
