"""A real MLflow server on this machine, for tests that need one."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serving(store: str, artifacts: Path | None = None) -> Iterator[tuple[subprocess.Popen, str]]:
    """Serve a store until the block ends; gives the server's process and address."""
    port = free_port()
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--backend-store-uri", store]
    if artifacts:
        options += ["--artifacts-destination", str(artifacts)]
    with started([sys.executable, "-m", "mlflow", "server", *options], port) as process:
        yield process, f"http://127.0.0.1:{port}"


@contextmanager
def started(command: list[str], port: int) -> Iterator[subprocess.Popen]:
    """Start a command that serves on a port, and end it and all its workers with the block."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 240
        while not _answers(f"http://127.0.0.1:{port}"):
            assert process.poll() is None, "the server has ended"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.5)
        yield process
    finally:
        kill_all(process)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def kill_all(process: subprocess.Popen) -> None:
    """The server and its own workers, which are in a process group of theirs."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
