"""A command that goes on in its own place: the same words, but for what is done once, and not for ever."""

import os
import subprocess
import sys

import pytest

from grid.commands.again import words_again

_SCRIPT = """
import os, sys, threading, time
from grid.commands.again import begin_again
print(os.getpid(), os.environ.get("HD2S_RAY_STARTS"), sys.argv[1:], flush=True)
threading.Thread(target=begin_again, args=("Ray has ended", lambda: None)).start()
time.sleep(60)
"""


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


@pytest.mark.slow
def test_a_waiting_process_becomes_its_own_command_again_until_it_is_enough(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(_SCRIPT)
    call = [sys.executable, str(script), "--redo", "all", "a b"]
    environment = {name: value for name, value in os.environ.items() if name != "HD2S_RAY_STARTS"}
    done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=200, env=environment)
    lines = [line.split(" ", 2) for line in done.stdout.splitlines()]
    assert [starts for _, starts, _ in lines] == ["None", "2", "3", "4"]
    assert {number for number, _, _ in lines} == {lines[0][0]}, "one process throughout"
    assert [words for *_, words in lines] == ["['--redo', 'all', 'a b']", *["['a b']"] * 3]
    assert done.returncode == 130
    assert done.stderr.splitlines() == [
        *["Ray has ended: it is started anew, and the run goes on."] * 3,
        "Ray has ended, for the 4th time. Interrupted; the same command goes on from here.",
    ]
