"""An output folder belongs to one run at a time, and a dead one's lock is in nobody's way."""

import errno
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from grid.results.lock import held
from manifests.problem import ProblemError
from run_grid import WRONG, main
from tests.places import REPOSITORY

_HOLDER = """
import sys, time
from pathlib import Path
from grid.results.lock import held
with held(Path(sys.argv[1]), "domain_shift"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_second_is_told_who_holds_it_and_a_killed_holder_lets_go(tmp_path):
    command = [sys.executable, "-c", _HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=REPOSITORY) as holder:
        assert holder.stdout.readline() == b"held\n"
        told = pytest.raises(ProblemError, match=f"found domain_shift, process {holder.pid} on .* since")
        with told, held(tmp_path, "paper"):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    with held(tmp_path, "paper"):
        assert f"paper, process {os.getpid()}" in (tmp_path / ".lock").read_text()
    with held(tmp_path, "again"):
        pass


def test_a_folder_that_cannot_be_made_is_a_problem(tmp_path):
    (tmp_path / "file").write_text("")
    told = pytest.raises(ProblemError, match="expected an output folder")
    with told, held(tmp_path / "file" / "out", "paper"):
        pass


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_told_with_what_to_do(tmp_path, monkeypatch, number):
    def flock(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    told = pytest.raises(ProblemError, match=rf"can lock files, found .*{os.strerror(number)}.*\(flock\)")
    with told, held(tmp_path, "paper"):
        pass


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_may_only_be_read_is_told_at_once(demo_out, tiny_disk, there, capsys):
    disk = tiny_disk("1m")
    out = disk / "out"
    if there:
        out.mkdir()
        for name in ("corpora", "manifests"):
            (out / name).symlink_to(demo_out / name)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert main(["--grid", "domain_shift", "--demo", "--out", str(out)]) == WRONG
    told = capsys.readouterr().err
    assert "Read-only file system" in told
    assert "Give a folder that can be written to: --out DIR" in told
    assert "Traceback" not in told
