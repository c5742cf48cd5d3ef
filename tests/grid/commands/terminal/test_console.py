"""The display while a grid runs: live on a terminal, plain lines elsewhere, and all other output in a log."""

import os
import pty
import re
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from grid.commands.terminal.console import Progress, duration, quiet_output
from grid.commands.terminal.progress import GridState
from grid.results.ledger import Ledger
from grid.results.unit_results import Stopped
from tests.grid.invented import Clock, table5, train
from tests.grid.plans import of_approach
from tests.grid.small_ledger import sweep_plan
from tests.places import REPOSITORY


@pytest.fixture
def plan():
    return table5()


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def text_of(renderable, width: int = 80) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(renderable)
    return console.file.getvalue()


def test_the_display_shows_progress_losses_and_failures(plan, ledger, tmp_path):
    clock = Clock()
    state = GridState(plan, ledger, clock)
    progress = Progress(state, StringIO(), "domain_shift → runs", tmp_path / "ray.log")
    first, second = (of_approach(plan, word)[0] for word in ("generalization", "adaptation"))
    progress.on_phase("training")
    progress.on_training_started(first)
    progress.on_training_progress(first, 15, 60, {"loss": 1.25, "KLD": 0.5}, [])
    progress.on_training_started(second)
    progress.on_training_failed(second, tmp_path / "e.txt")
    clock.now = 83.0
    shown = text_of(progress.render(), width=200)
    assert "domain_shift → runs" in shown
    assert str(tmp_path / "ray.log") in shown
    assert "training  1 min 23 s" in shown
    assert "0/15  1 running, 13 waiting, 1 failed" in shown
    assert "0/18  17 waiting, 1 blocked" in shown
    assert "15/60  loss 1.250  KLD 0.500" in shown
    assert f"failed: {second.label}: {tmp_path / 'e.txt'}" in shown


def test_the_display_stays_small(plan, ledger):
    progress = Progress(GridState(plan, ledger), StringIO(), "x", Path("ray.log"))
    for unit in plan.evaluations.values():
        progress.on_evaluation_started(unit)
    shown = text_of(progress.render())
    assert "and 10 more" in shown
    assert len(shown.splitlines()) <= 18
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("width", [70, 100])
def test_names_are_shortened_before_numbers(plan, ledger, width):
    """The ends of names tell them apart, and stay."""
    clock = Clock()
    progress = Progress(GridState(plan, ledger, clock), StringIO(), "x", Path("ray.log"))
    first = of_approach(plan, "adaptation")[0]
    progress.on_training_started(replace(first, label=f"{first.label} ({'train.lr=0.001, ' * 4}seed 12)"))
    progress.state.jobs[first.id].label = f"{first.label} ({'train.lr=0.001, ' * 4}seed 12)"
    progress.on_training_progress(first, 2400, 2500, {"loss": 12.125, "val KLD": 10.5}, [])
    clock.now = 3723.0
    (line,) = [line for line in text_of(progress.render(), width).splitlines() if "2400/" in line]
    assert line.split("2400/")[1].endswith("loss 12.125  val KLD 10.500  1 h 02 min"), line
    assert line.startswith("adaptation"[: width // 10])
    assert re.search(r"….*seed 12\)  ", line), line


def test_a_worker_that_has_said_nothing_yet_is_told_to_be_starting(plan, ledger):
    progress = Progress(GridState(plan, ledger), StringIO(), "x", Path("ray.log"))
    training = next(iter(plan.trainings.values()))
    progress.on_training_started(training)
    assert "starting worker" in text_of(progress.render(), 120)
    progress.on_training_progress(training, 1, 60, {"loss": 1.0}, [])
    assert "starting worker" not in text_of(progress.render(), 120)


def test_without_a_terminal_there_are_plain_lines_and_not_too_many(plan, ledger, tmp_path):
    clock, stream = Clock(), StringIO()
    training, evaluation = next(iter(plan.trainings.values())), next(iter(plan.evaluations.values()))
    with Progress(GridState(plan, ledger, clock), stream, "x", Path("ray.log")) as progress:
        progress.on_phase("training")
        progress.on_phase("")
        progress.on_training_started(training)
        for step in range(1, 61):
            clock.now += 1.0
            progress.on_training_progress(training, step, 60, {"loss": 1.0}, [])
        train(ledger, training)
        progress.on_training_finished(training, {}, [])
        (tmp_path / "error.txt").write_text("Traceback:\nValueError: no maps\n")
        progress.on_evaluation_failed(evaluation, tmp_path)
        progress.on_evaluation_failed(evaluation, tmp_path / "error.txt")
    lines = stream.getvalue().splitlines()
    assert "\x1b" not in stream.getvalue()
    assert lines[:3] == [
        "[0 s] x; log: ray.log",
        "[0 s] training",
        f"[0 s] started training {training.label}",
    ]
    assert len(lines) == 3 + 6 + 3, "progress is told every ten seconds"
    assert lines[-3] == (
        f"[1 min 00 s] done training {training.label} in 1 min 00 s; trainings 1/15, evaluations 0/18"
    )
    assert f"{evaluation.label}: there was no room or right to write down why (see {tmp_path})" in lines[-2]
    assert lines[-1].startswith(
        f"[1 min 00 s] FAILED evaluation {evaluation.label}: ValueError: no maps (see "
    )


NOISY = """
import os, subprocess, sys
from pathlib import Path
from grid.commands.terminal.console import quiet_output
with quiet_output(Path(sys.argv[1])) as terminal:
    print("python")
    os.write(2, b"descriptor\\n")
    subprocess.run(["echo", "child"])
    print("drawn", file=terminal)
print("after")
"""


@pytest.mark.slow
def test_quiet_output_leaves_the_terminal_to_the_display(tmp_path):
    log = tmp_path / "logs" / "ray.log"
    done = subprocess.run(
        [sys.executable, "-c", NOISY, log], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    assert done.stdout == "drawn\nafter\n"
    assert done.stderr == ""
    assert sorted(log.read_text().split()) == ["child", "descriptor", "python"]


@pytest.mark.slow
def test_the_display_can_leave_standard_output_to_a_program(tmp_path):
    code = NOISY.replace("(Path(sys.argv[1]))", "(Path(sys.argv[1]), draw_on=2)")
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "ray.log"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("after\n", "drawn\n")


def test_what_is_made_again_is_not_counted_as_done(plan, ledger):
    """A grid begun with `--redo all` was said to be done with all, from its first line to its last."""
    training, *_ = plan.trainings.values()
    train(ledger, training)
    progress = Progress(GridState(plan, ledger), StringIO(), "x", Path("ray.log"))
    assert progress.state.count("training")["done"] == 1
    progress.on_todo({training.id})
    assert progress.state.count("training")["done"] == 0


UNHEARD = """
import sys
from pathlib import Path
from grid.commands.terminal.console import Progress, quiet_output
from grid.commands.terminal.progress import GridState
from grid.results.ledger import Ledger
from tests.grid.invented import table5
out = Path(sys.argv[1])
with (
    quiet_output(out / "ray.log") as terminal,
    Progress(GridState(table5(), Ledger(out)), terminal, "x", out / "ray.log") as progress,
):
    progress.on_phase("training")
"""


@pytest.mark.slow
def test_a_grid_goes_on_though_nothing_takes_its_lines(tmp_path):
    """A run of weeks ended in a traceback where the disk of its `> file` was full, or `| tee` had ended."""
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-c", UNHEARD, tmp_path]
        done = subprocess.run(command, cwd=REPOSITORY, stdout=full, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_output_comes_back_after_an_error(tmp_path, capfd):
    with pytest.raises(RuntimeError), quiet_output(tmp_path / "ray.log"):
        raise RuntimeError
    os.write(1, b"back")
    assert capfd.readouterr().out == "back"


def test_no_secret_stays_in_a_log_nor_in_one_that_a_killed_run_has_left(tmp_path, monkeypatch):
    """Libraries say what they like, such as an address with the password in it."""
    monkeypatch.setenv("MY_TOKEN", "correct horse")
    left, log = tmp_path / "logs" / "before.log", tmp_path / "logs" / "now.log"
    left.parent.mkdir()
    left.write_bytes(b"\xff at http://me:word@host/\n")
    with quiet_output(log):
        os.write(2, b"no answer from s3://me:word@bucket/x\n")
        subprocess.run(["echo", "correct horse"], check=True)
        assert left.read_bytes() == b"\xff at http://***@host/\n"
        assert stat.S_IMODE(log.stat().st_mode) == 0o600, "while it is written nothing in it is masked"
    assert log.read_text() == "no answer from s3://***@bucket/x\n${oc.env:MY_TOKEN}\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


LIVE = """
import sys
from pathlib import Path
from tests.grid.invented import table5
from grid.commands.terminal.console import Progress, quiet_output
from grid.commands.terminal.progress import GridState
from grid.results.ledger import Ledger
out = Path(sys.argv[1])
plan = table5()
with quiet_output(out / "ray.log") as terminal:
    with Progress(GridState(plan, Ledger(out)), terminal, "title", out / "ray.log") as progress:
        print("noise")
        progress.on_phase("starting Ray")
"""


@pytest.mark.slow
def test_a_terminal_gets_the_live_display_and_its_cursor_back(tmp_path):
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    seen = bytearray()

    def read() -> None:
        try:
            while data := os.read(master, 4096):
                seen.extend(data)
        except OSError:
            return  # Linux ends a terminal without writers with an error

    reader = threading.Thread(target=read)
    reader.start()
    command = [sys.executable, "-c", LIVE, str(tmp_path)]
    subprocess.run(command, cwd=REPOSITORY, check=True, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    reader.join()
    os.close(master)
    shown = seen.decode()
    assert "starting Ray" in shown
    assert "noise" not in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
    assert (tmp_path / "ray.log").read_text() == "noise\n"


@pytest.mark.parametrize(
    ("seconds", "words"), [(7.4, "7 s"), (200, "3 min 20 s"), (3599.6, "1 h 00 min"), (7500, "2 h 05 min")]
)
def test_durations_are_said_as_people_do(seconds, words):
    assert duration(seconds) == words


def test_a_training_that_is_stopped_is_told_and_counted_with_its_tests(tmp_path):
    plan = sweep_plan()
    ledger = Ledger(tmp_path, may_stop=plan.may_stop)
    _, bad = plan.trainings.values()
    terminal = StringIO()
    progress = Progress(GridState(plan, ledger, Clock()), terminal, "sweep", tmp_path / "ray.log")
    progress.on_training_started(bad)
    progress.on_training_stopped(bad, "after 250 of 2,500 iterations")
    assert f"stopped training {bad.label}, hopeless after 250 of 2,500" in terminal.getvalue()
    shown = text_of(progress.render(), width=200)
    assert "0/2  1 waiting, 1 stopped" in shown
    ledger.stops.write(bad.id, Stopped(250, 2500, 1.5))
    assert GridState(plan, ledger).count("evaluation") == {"waiting": 1, "stopped": 1}, "in a later run"
