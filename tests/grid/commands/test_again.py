"""A command that goes on in its own place: the same words, but for what is done once, and not for ever."""

import os
import subprocess
import sys

import pytest

from grid.commands.again import interrupts, words_again, working
from grid.commands.arguments import interrupted_note
from grid.results import output_folder
from grid.results.storage import Storage
from manifests.problem import LostError, Problem, ProblemError

_SCRIPT = """
import os, sys, threading, time
from functools import partial
from pathlib import Path
from grid.commands.again import begin_again, working
from grid.results.storage import Storage
out, useful, asked = Path(__file__).parent, int(sys.argv[1]), sys.argv[2] == "asked"
if sys.argv[2] == "uninstalled":
    sys.executable = str(out / "python")
print(os.getpid(), os.environ.get("HD2S_RAY_STARTS"), sys.argv[1:], flush=True)
worked, starts = working(Storage("", str(out))), out / "starts"
with starts.open("a") as file:
    file.write("x")
if len(starts.read_text()) <= useful:
    (out / "results").mkdir(exist_ok=True)
    (out / "results" / f"training-{time.time_ns()}.parquet").touch()
how = {"restore": lambda: None, "worked": worked}
threading.Thread(target=partial(begin_again, "Ray has ended", asked, **how)).start()
time.sleep(60)
"""


@pytest.fixture
def call(tmp_path):
    """Run the script with words until it ends; return what each of its starts said, and the answer."""
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    environment = {name: value for name, value in os.environ.items() if name != "HD2S_RAY_STARTS"}

    def run(*words):
        command = [sys.executable, str(script), *words]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=400, env=environment
        )
        return [line.split(" ", 2) for line in done.stdout.splitlines()], done

    return run


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["run_grid.py", "--grid", "g", "train.lr=1"], ["run_grid.py", "--grid", "g", "train.lr=1"]),
        (["r", "--retry-failed", "--redo", "all", "--json"], ["r", "--json"]),
        (["r", "--redo=abc", "--out", "x"], ["r", "--out", "x"]),
    ],
)
def test_what_was_done_at_the_beginning_is_not_done_again(words, expected):
    assert words_again(words) == expected


_ANEW = "Ray has ended: the command begins anew, and goes on from what is saved."
_INTERRUPTED = "Interrupted; the same command goes on from here."


@pytest.mark.slow
def test_a_waiting_process_becomes_its_own_command_again_until_it_is_enough(call):
    lines, done = call("0", "lost", "--redo", "all", "a b")
    assert [starts for _, starts, _ in lines] == ["None", "2", "3", "4"]
    assert {number for number, _, _ in lines} == {lines[0][0]}, "one process throughout"
    words = [words for *_, words in lines]
    assert words == ["['0', 'lost', '--redo', 'all', 'a b']", *["['0', 'lost', 'a b']"] * 3]
    assert done.returncode == 130
    last = f"Ray has ended, for the 4th time in vain. {interrupted_note(redo=True)}"
    assert done.stderr.splitlines() == [*[_ANEW] * 3, last], "the user's command would take all away again"


@pytest.mark.slow
def test_starts_after_which_something_was_finished_do_not_count(call):
    """What dies once a day ended a run of a week on its fourth day."""
    lines, done = call("3", "lost")
    assert [starts for _, starts, _ in lines] == ["None", "2", "2", "2", "3", "4"]
    assert done.returncode == 130


@pytest.mark.slow
def test_a_run_that_its_user_has_ended_does_not_begin_again(call):
    """A closed terminal ends Ray's processes as well, as does a job that is cancelled."""
    lines, done = call("1", "asked")
    assert len(lines) == 1
    assert (done.returncode, done.stderr) == (130, f"{_INTERRUPTED}\n")
    _, done = call("1", "asked", "--redo", "abc")
    assert "the same command without --redo goes on" in done.stderr


@pytest.mark.slow
def test_a_command_that_cannot_be_begun_again_is_interrupted_and_does_not_wait_for_ever(call):
    lines, done = call("1", "uninstalled")
    assert len(lines) == 1
    assert done.returncode == 130
    *_, last = done.stderr.splitlines()
    assert last.startswith("[Errno 2] No such file or directory")
    assert last.endswith(_INTERRUPTED)


@pytest.mark.parametrize(
    ("error", "starts", "interrupted"),
    [
        (ProblemError, None, False),
        (ProblemError, "2", True),
        (LostError, None, True),
        (lambda problem: ValueError(str(problem)), "2", False),
    ],
)
def test_what_is_wrong_only_now_interrupts_and_what_was_wrong_from_the_first_does_not(
    monkeypatch, error, starts, interrupted
):
    monkeypatch.setenv("HD2S_RAY_STARTS", starts or "")
    if not starts:
        monkeypatch.delenv("HD2S_RAY_STARTS")
    assert interrupts(error(Problem("Ray", "a Ray that starts", "none", "Look."))) is interrupted


@pytest.mark.parametrize("url", ["", "file://{}/there"])
def test_a_state_is_of_use_as_a_result_is_wherever_it_lies_and_old_ones_are_not(tmp_path, url):
    storage = Storage(url.format(tmp_path), str(tmp_path / "here"))

    def write(*names):
        for name in names:
            path = storage.path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x")
            storage.publish(name, keep=False)

    write(output_folder.state("a", 3, "x"), f"{output_folder.RESULTS}/a{output_folder.RESULT_SUFFIX}")
    worked = working(storage)
    assert not worked()
    write(f"{output_folder.STATES}/a/note")
    assert not worked()
    write(output_folder.state("a", 4, "x"))
    assert worked()
