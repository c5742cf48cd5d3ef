"""A folder's runs in a browser: MLflow's server on the store of an output folder, for this machine alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from grid.results import output_folder
from grid.tracking.local_store import address_of, require_usable
from grid.tracking.views import prepared
from manifests.problem import Problem, ProblemError

_HOST = "127.0.0.1"
_SECONDS_BETWEEN_LOOKS = 0.2


def ui(out: Path, port: int, tell: Callable[[str], None]) -> int:
    """Serve a folder's runs until the server ends or this command is asked to; return its exit status.

    Args:
        out: the output folder.
        port: of this machine, on which nothing listens yet.
        tell: hears the addresses of the prepared views, each in a line, once they can be opened.

    Raises:
        ProblemError: there are no runs in the folder, they are another user's or damaged, or the server does
            not start.
    """
    store = out.resolve() / output_folder.MLFLOW_STORE
    if not store.is_file():
        remedy = "Run a grid first, or say where results are: --out DIR."
        raise ProblemError(Problem(str(out), "an output folder with runs", f"no {store.name}", remedy))
    require_usable(store)
    uri, address = address_of(store), f"http://{_HOST}:{port}"
    _require_free(port)
    where = ["--host", _HOST, "--port", str(port), "--workers", "1", "--backend-store-uri", uri]
    quiet = {"MLFLOW_LOGGING_LEVEL": "ERROR", "PYTHONWARNINGS": "ignore", "MLFLOW_DISABLE_TELEMETRY": "true"}
    command = [sys.executable, "-m", "mlflow", "server", *where, "--uvicorn-opts", "--log-level warning"]
    # Whatever ends this command ends the server.
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    # In a group of its own, so that it is ended with all its workers, and by nobody else.
    with subprocess.Popen(command, env=quiet | os.environ, start_new_session=True) as server:
        try:
            _wait(server, address)
            for name, route in prepared(uri):
                tell(f"{name}: {address}{route}")
            tell(f"{out} is served at {address} for this machine alone; Ctrl-C ends it.")
            return server.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)


def _require_free(port: int) -> None:
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((_HOST, port))
        except (OSError, OverflowError) as error:
            remedy = "End what listens there, or give another --port."
            raise ProblemError(
                Problem(f"--port {port}", "a port that is free", str(error), remedy)
            ) from error


def _wait(server: subprocess.Popen[bytes], address: str) -> None:
    """Wait until the server answers.

    Raises:
        ProblemError: it has ended instead; it has said why itself.
    """
    while not _answers(address):
        if server.poll() is not None:
            remedy = "Look at what MLflow says above; another --port may do."
            raise ProblemError(Problem(address, "MLflow's server", f"its status {server.returncode}", remedy))
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _answers(address: str) -> bool:
    try:
        with urlopen(f"{address}/health", timeout=2):
            return True
    except (URLError, OSError):
        return False
