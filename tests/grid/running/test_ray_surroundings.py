"""Surroundings in which Ray would not start are told, with what to do, before it is tried."""

import socket
import tempfile
import time

import pytest

from grid.running.ray_surroundings import require_cluster, require_room_for_sockets
from manifests.problem import ProblemError


@pytest.fixture
def temporary(monkeypatch):
    """Sets TMPDIR as a shell would have."""
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    return lambda folder: monkeypatch.setenv("TMPDIR", str(folder))


def test_a_short_folder_is_fine(temporary):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        temporary(folder)
        require_room_for_sockets()


def test_a_folder_too_long_for_sockets_is_told(temporary, tmp_path):
    temporary(tmp_path / ("slurm_jobdir_" + "0123456789" * 9))
    with pytest.raises(ProblemError, match=r"^TMPDIR=.*at most 107 bytes, found 2?1?\d\d bytes\. Set TMPDIR"):
        require_room_for_sockets()


def test_a_folder_that_cannot_be_made_is_told(monkeypatch):
    monkeypatch.setenv("RAY_TMPDIR", "/proc/none")
    with pytest.raises(ProblemError, match=r"^RAY_TMPDIR=/proc/none:.*that Ray can write to"):
        require_room_for_sockets()


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
    require_room_for_sockets()
