"""`python -m grid`: its commands, what it says where, and its exit status."""

import os
import subprocess
import sys

import pytest

from grid.__main__ import main
from grid.commands.arguments import INTERRUPTED, WRONG
from grid.commands.history import remember
from tests.places import REPOSITORY


@pytest.mark.slow
def test_the_command_says_what_is_wrong_without_a_traceback(tmp_path):
    command = [sys.executable, "-m", "grid", "sync", "--out", str(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert answer.returncode == WRONG
    assert "expected an output folder in which a grid was run" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert answer.stdout == ""


@pytest.mark.slow
def test_a_sync_answers_by_its_status(done_grid, new_store, capfd):
    remember(done_grid)
    new_store(done_grid.out)
    assert main(["sync", "--out", str(done_grid.out)]) == 0
    told = capfd.readouterr()
    assert told.err.startswith("small: what is in ")
    assert told.out == ""
    (evaluation,) = done_grid.plan.evaluations
    path = done_grid.ledger.path("evaluation", evaluation)
    os.truncate(path, path.stat().st_size // 2)
    assert main(["sync", "--out", str(done_grid.out), "--grid", "small"]) == 1
    assert f"{path}: expected a sound result of this project" in capfd.readouterr().err
    assert main(["sync", "--out", str(done_grid.out), "--grid", "smal"]) == WRONG


def test_a_sync_that_is_interrupted_says_so_in_a_line(tmp_path, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("grid.__main__.sync", interrupted)
    assert main(["sync", "--out", str(tmp_path)]) == INTERRUPTED
    assert capsys.readouterr().err == "Interrupted; the same command goes on from here.\n"


def test_without_a_command_its_use_is_shown(capsys):
    with pytest.raises(SystemExit) as left:
        main([])
    assert left.value.code == 2
    assert "usage: python -m grid" in capsys.readouterr().err
