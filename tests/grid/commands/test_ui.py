"""Runs in a browser: a real server on a store, and what is told of it."""

import signal
import socket
import subprocess
import sys
import urllib.request

import psutil
import pytest

from grid.commands.ui import ui
from grid.tracking import Tracker
from manifests.problem import ProblemError
from tests.grid.invented import DIGESTS, table5
from tests.grid.mlflow_server import free_port, kill_all
from tests.places import REPOSITORY

# The environment is as it is, whatever has changed since it was made.
MAKE = ("make", "--silent", f"VENV={sys.prefix}", f"--old-file={sys.prefix}/ready", "ui")


def lines_of(process, word):
    lines = []
    for line in process.stderr:
        lines.append(line.rstrip("\n"))
        if word in line:
            return lines
    raise AssertionError(lines)


@pytest.mark.slow
def test_the_views_of_a_folder_are_told_when_they_can_be_opened_on_loopback_alone(new_store, tmp_path):
    out, port = tmp_path / "my runs & more", free_port()
    out.mkdir()
    new_store(out)
    tracker = Tracker(None, out, "domain_shift")
    tracker.start_grid(table5(), {}, DIGESTS)
    tracker.finish_grid("FINISHED", [])
    tracker.close()
    command = [sys.executable, "-m", "grid", "ui", "--out", str(out), "--port", str(port)]
    with subprocess.Popen(
        command,
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            told = [line for line in lines_of(process, "Ctrl-C") if line.startswith("domain_shift.")]
            assert told[0].startswith(f"domain_shift.table5: http://127.0.0.1:{port}/#/experiments/")
            with urllib.request.urlopen(told[0].partition(" ")[2].partition("#")[0], timeout=20) as page:
                assert page.status == 200
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            sockets = [s for one in family for s in one.net_connections() if s.status == psutil.CONN_LISTEN]
            assert {(s.laddr.ip, s.laddr.port) for s in sockets} == {("127.0.0.1", port)}
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
            assert psutil.wait_procs(family, timeout=30)[1] == []
        finally:
            kill_all(process)


@pytest.mark.parametrize("by", ["command", "make"])
@pytest.mark.slow
def test_it_says_when_there_is_nothing_to_show(by, tmp_path):
    command = (
        [*MAKE, f"OUT={tmp_path}"]
        if by == "make"
        else [sys.executable, "-m", "grid", "ui", "--out", tmp_path]
    )
    answer = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert f"{tmp_path}: expected an output folder with runs, found no mlflow.db" in answer.stderr
    assert not (tmp_path / "mlflow.db").exists()


def test_a_port_in_use_is_told(new_store, tmp_path):
    new_store(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            ProblemError, match=f"--port {port}: expected a port that is free, found .*in use"
        ):
            ui(tmp_path, port, print)
