"""What Ray needs here or of a cluster, asked in seconds where it waits for minutes, and who reaches it."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

from manifests.problem import Problem, ProblemError

# Linux takes 107 bytes for a socket's path, of which Ray adds these to its folder's.
_SOCKET_PATH = 107
_RAYS_OWN = len("/ray/session_2025-01-01_00-00-00_000000_0000000/sockets/plasma_store.0")
_CONNECTS_WITHIN_S = 5.0
_ANSWERS_WITHIN_S = 15.0


def own_folder() -> Path:
    """Make the folder below which Ray keeps its sessions, which this user alone may enter, and return it.

    Ray gives everybody all rights to what is its own: logs, in which anything may stand, sockets that ask for
    no token, and what its workers load. So where the folder of temporary files is everybody's, it gets one in
    that.

    Raises:
        ProblemError: it cannot be made, is somebody else's, or the paths of its sockets would be too long.
    """
    variable = "RAY_TMPDIR" if os.environ.get("RAY_TMPDIR") else "TMPDIR"
    # Ray goes by the environment alone, and not by where this process keeps its own temporary files.
    given = Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp")
    folder = given if _is_private(given) else given / f"ray-{os.getuid()}"
    where, remedy = f"{variable}={given}", f"Set {variable} to a short path of a folder of yours."
    if (length := len(os.fsencode(folder)) + _RAYS_OWN) > _SOCKET_PATH:
        expected = f"a folder whose sockets have paths of at most {_SOCKET_PATH} bytes"
        raise ProblemError(Problem(where, expected, f"{length} bytes", remedy))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.lstat().st_uid == os.getuid() and not folder.is_symlink():
            folder.chmod(0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        expected = "a folder that Ray can write to"
        raise ProblemError(Problem(where, expected, str(error), remedy)) from error
    if not _is_private(folder):
        raise ProblemError(Problem(str(folder), "a folder of this user", "somebody else's", remedy))
    return folder


def stay_on_loopback() -> None:
    """Let Ray listen on 127.0.0.1 alone, and not, asking nobody for a password, on all addresses.

    It would put the machine's address in place of 127.0.0.1 wherever it believes a cluster possible: by a
    variable that is read when Ray is first imported, which may have been before.
    """
    from ray._private import ray_constants  # noqa: PLC0415 - the environment must be set first

    ray_constants.ENABLE_RAY_CLUSTER = False


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def require_cluster(address: str) -> None:
    """Make sure that a cluster answers.

    Args:
        address: host:port, ray://host:port, or auto for one that runs on this machine.

    Raises:
        ProblemError: it does not within 20 seconds.
    """
    if found := unreachable(address) or _silent(address):
        remedy = "Start the cluster, correct the address, or unset RAY_ADDRESS to use this machine alone."
        where = f"RAY_ADDRESS={address}"
        raise ProblemError(Problem(where, "a Ray cluster that answers", found, remedy))


def unreachable(address: str) -> str:
    """Say within seconds why nothing listens there; "" where something does, or the place is Ray's to find.

    Args:
        address: as `require_cluster` takes it.
    """
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not colon:
        return "" if address == "auto" else "neither host:port nor auto nor local"
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _CONNECTS_WITHIN_S):
            return ""
    except (OSError, ValueError, OverflowError) as error:
        return str(error)


def _silent(address: str) -> str:
    """Say why Ray does not answer there; in a process of its own, since its client cannot be stopped."""
    if "://" in address:  # a client's server, which has no such question
        return ""
    call = [sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address]
    try:
        done = subprocess.run(call, capture_output=True, text=True, timeout=_ANSWERS_WITHIN_S, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer within {_ANSWERS_WITHIN_S:g} s"
    last = done.stderr.strip().splitlines()[-1:] or ["no answer"]
    return last[0] if done.returncode else ""
