"""Surroundings in which Ray would not start are told, with what to do, before it is tried."""

import os
import socket
import stat
import tempfile
import time
from pathlib import Path

import pytest

from grid.running.ray_cluster.ray_surroundings import own_folder, require_cluster
from manifests.problem import ProblemError


@pytest.fixture
def temporary(monkeypatch):
    """Sets TMPDIR as a shell would have."""
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    return lambda folder: monkeypatch.setenv("TMPDIR", str(folder))


@pytest.fixture
def short():
    """A folder with a short path, which nobody else may enter."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def test_a_folder_of_ones_own_is_rays_as_it_is(temporary, short):
    temporary(short)
    assert own_folder() == short


def test_in_a_folder_of_everybody_ray_gets_one_that_nobody_else_may_enter(temporary, short):
    short.chmod(0o1777)
    temporary(short)
    own = short / f"ray-{os.getuid()}"
    for _ in range(2):
        assert own_folder() == own
        assert stat.S_IMODE(own.stat().st_mode) == 0o700
        own.chmod(0o755)


def test_what_somebody_else_has_put_in_its_place_is_refused(temporary, short, monkeypatch):
    short.chmod(0o1777)
    temporary(short)
    own = short / f"ray-{os.getuid()}"
    elsewhere = short / "elsewhere"
    elsewhere.mkdir(0o777)
    own.symlink_to(elsewhere)
    with pytest.raises(ProblemError, match="expected a folder of this user, found somebody else's"):
        own_folder()
    own.unlink()
    somebody = os.getuid() + 1
    (short / f"ray-{somebody}").mkdir(0o700)
    monkeypatch.setattr(os, "getuid", lambda: somebody)
    with pytest.raises(ProblemError, match="expected a folder of this user, found somebody else's"):
        own_folder()


def test_a_folder_too_long_for_sockets_is_told(temporary, tmp_path):
    temporary(tmp_path / ("slurm_jobdir_" + "0123456789" * 9))
    with pytest.raises(ProblemError, match=r"^TMPDIR=.*at most 107 bytes, found 2?1?\d\d bytes\. Set TMPDIR"):
        own_folder()


def test_a_folder_that_cannot_be_made_is_told(monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", "/proc/none")
    with pytest.raises(ProblemError, match=r"^RAY_TMPDIR=/proc/none:.*that Ray can write to"):
        own_folder()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "head", "127.0.0.1:x", "h:999999"])
def test_where_nothing_listens_is_told_at_once(address):
    began = time.monotonic()
    with pytest.raises(ProblemError, match=r"expected a Ray cluster that answers.*unset RAY_ADDRESS"):
        require_cluster(address)
    assert time.monotonic() - began < 10


@pytest.mark.slow
def test_what_listens_and_says_nothing_is_told_within_twenty_seconds():
    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        with pytest.raises(ProblemError, match=r"expected a Ray cluster that answers"):
            require_cluster(f"127.0.0.1:{server.getsockname()[1]}")
        assert time.monotonic() - began < 20


def test_where_this_process_keeps_temporary_files_is_nothing_to_ray(monkeypatch, tmp_path):
    """A run keeps its own in its output folder, which may lie deep."""
    for name in ("RAY_TMPDIR", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("deep" * 30)))
    own_folder()
