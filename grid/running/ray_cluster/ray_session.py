"""Ray, started quietly on this machine or joined where it runs."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

from grid.running.interruption import alone_to_hear, requests_heard
from grid.running.ray_cluster.ray_surroundings import (
    own_folder,
    require_cluster,
    stay_on_loopback,
    unreachable,
)
from manifests.problem import LostError, Problem, ProblemError

_ENVIRONMENT = {
    # Progress is ours to draw.
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # Of a search that is not its own Tune starts one trial after the other, each in seconds; ours hands out
    # no more of them than there is room for.
    "TUNE_MAX_PENDING_TRIALS_PG": "1000",
    # Ctrl-C is ours to hear (grid.running.interruption).
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    # Ray Train looks for reports every two seconds unless told; a demo training lasts half a minute.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    # For one that waits where workers meet, and is asked to terminate meanwhile, all would wait without end.
    "RAY_TRAIN_COLLECTIVE_TIMEOUT_S": "7200",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # Frames are scored in several threads, each of which would start BLAS's for itself.
    "OPENBLAS_NUM_THREADS": "1",
    # The ledger is what is resumed from, so Tune need not save its own state often.
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
# On one machine of one's own, which nobody takes away: a process less for each training, and workers that
# have PyTorch in memory are kept for the next evaluation.
_LOCAL_ENVIRONMENT = {
    # See stay_on_loopback.
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_idle_worker_killing_time_threshold_ms": "600000",
    # A machine that sleeps or a process that is stopped for a while is not lost; `_watched` sees one that is.
    "RAY_health_check_failure_threshold": "200",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "600",
}
# Machines come and go: a training waits for a new one to start and install itself. Ray Train would give up
# after a minute, and count it as a failure.
_CLUSTER_ENVIRONMENT = {"RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": "3600"}
_LOCAL_OPTIONS = {
    # Not one that somebody else has started on this machine.
    "address": "local",
    "include_dashboard": False,
    "_node_ip_address": "127.0.0.1",
    # Nothing large travels through Ray: clips are read by the workers, results are tables.
    "object_store_memory": 512 * 2**20,
}


# Of Ray's processes on this machine, those without which nothing goes on; and how soon their end is noticed.
_NEEDED = ("gcs_server", "raylet")
_LOOKED_AT_EVERY_S = 0.5
# After a request to terminate it tells its clients first.
_SECONDS_TO_END = 10.0

# A cluster's control store may be started again; without it Ray's client gives up after a minute.
_LISTENED_EVERY_S, _SILENT_S = 5.0, 40.0

# In Ray's words, half a minute after its processes were started.
_LATE = "timed out during startup"
_TRIES = 4


def _terminate(why: str) -> None:
    del why
    signal.raise_signal(signal.SIGTERM)


def protect() -> None:
    """Have Ray on this machine ask everybody for a token that only this user's processes know.

    Whoever has an account here reaches what listens on 127.0.0.1, and could have Ray run code. Ray takes the
    token when it is first imported, so that this comes before; what the environment says of it stands.
    """
    if is_local() and "ray" not in sys.modules and not os.environ.get("RAY_AUTH_MODE"):
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


@contextmanager
def session(lost: Callable[[str], object] = _terminate) -> Iterator[None]:
    """Ray for as long as the block lasts.

    With RAY_ADDRESS set (as in a submitted job) the running cluster is joined; otherwise Ray is started on
    this machine alone, reachable from it alone, and ended with the block. A request to terminate and a
    terminal that is closed end the block as an interruption does.

    Args:
        lost: called on a thread of its own, should Ray end under the block, or a cluster not answer any more;
            this thread may then wait for it without end.

    Raises:
        ProblemError: Ray does not start here, or the cluster does not answer.
        LostError: what ended the block is Ray's own error, such as that a cluster has gone.
    """
    require()
    local = is_local()
    environment = _ENVIRONMENT | (_LOCAL_ENVIRONMENT if local else _CLUSTER_ENVIRONMENT)
    for name, value in environment.items():
        os.environ.setdefault(name, value)
    if local:
        os.environ["RAY_TMPDIR"] = str(own_folder())
    import ray  # noqa: PLC0415 - the environment must be set first, and --plan does without Ray

    # The nodes of a cluster were started before, without this environment.
    carried = {"runtime_env": {"env_vars": {name: os.environ[name] for name in environment}}}
    if local:
        stay_on_loopback()
    with _told(), alone_to_hear():
        _start(log_to_driver=False, logging_level=logging.ERROR, **(_LOCAL_OPTIONS if local else carried))
    try:
        # Ray hears of a request to terminate by itself, and would end this process at once.
        with _goes_on(), requests_heard(), _watched(lost) if local else _listened_to(lost):
            yield
    finally:
        ray.shutdown()


def _start(**options: Any) -> None:
    """Start Ray, some times more if this machine has too much else to do for the time that Ray waits."""
    import ray  # noqa: PLC0415 - see session

    for tries_left in reversed(range(_TRIES)):
        try:
            ray.init(**options)
        except Exception as error:
            if _LATE not in str(error) or not tries_left:
                raise
            ray.shutdown()
            _end_what_came_late(error)
        else:
            return


def _end_what_came_late(error: Exception) -> None:
    """End the processes of a Ray that has not come up, which would live as long as this one.

    They are known to its node alone, which Ray itself has lost with the error.
    """
    from ray._private.node import Node  # noqa: PLC0415 - see session

    for frame, _ in traceback.walk_tb(error.__traceback__):
        if isinstance(node := frame.f_locals.get("self"), Node):
            node.kill_all_processes(check_alive=False, allow_graceful=False)


@contextmanager
def _watched(lost: Callable[[str], object]) -> Iterator[None]:
    """Notice within a second that Ray has ended, of which its own client hears after minutes or never."""
    from ray._private import worker  # noqa: PLC0415 - see session
    from ray.exceptions import RayError  # noqa: PLC0415

    started: Any = worker._global_node
    processes = {name: [each.process for each in found] for name, found in started.all_processes.items()}
    over, told = threading.Event(), threading.Lock()

    def look() -> bool:
        ended = [
            name for name in _NEEDED for process in processes.get(name, ()) if process.poll() is not None
        ]
        if not ended or not told.acquire(blocking=False):
            return bool(ended)
        for process in chain.from_iterable(processes.values()):
            process.kill()
        lost(f"Ray's {ended[0]} has ended")
        return True

    def watch() -> None:
        while not over.wait(_LOOKED_AT_EVERY_S) and not look():
            pass

    threading.Thread(target=watch, name="watch over Ray", daemon=True).start()
    try:
        yield
        look()
    except Exception as error:
        # It may have come of an end that is still under way.
        until = time.monotonic() + (_SECONDS_TO_END if isinstance(error, RayError) else 0.0)
        while not look() and time.monotonic() < until:
            time.sleep(_LOOKED_AT_EVERY_S)
        raise
    finally:
        over.set()


@contextmanager
def _listened_to(lost: Callable[[str], object]) -> Iterator[None]:
    """Notice that a cluster has gone, before Ray's client ends this process without a word."""
    import ray  # noqa: PLC0415 - see session

    if "://" in os.environ["RAY_ADDRESS"]:  # a client of a server that knows more
        yield
        return
    address, over = ray.get_runtime_context().gcs_address, threading.Event()

    def listen() -> None:
        answered = time.monotonic()
        while not over.wait(_LISTENED_EVERY_S):
            if not (found := unreachable(address)):
                answered = time.monotonic()
            elif time.monotonic() - answered > _SILENT_S:
                lost(
                    f"RAY_ADDRESS={os.environ['RAY_ADDRESS']} has not answered for {_SILENT_S:g} s ({found})"
                )
                return

    threading.Thread(target=listen, name="ear for the cluster", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def require() -> None:
    """Find in seconds what would keep Ray from starting, or from joining a cluster.

    Raises:
        ProblemError: something does.
    """
    if is_local():
        own_folder()
    else:
        require_cluster(os.environ["RAY_ADDRESS"].strip())


@contextmanager
def _told() -> Iterator[None]:
    """Say what to do where Ray does not start; it raises whatever comes to it.

    Raises:
        ProblemError: it does not.
    """
    try:
        yield
    except Exception as error:
        found = " ".join(str(error).split()) or type(error).__name__
        remedy = "Look at TMPDIR, free memory and disk here, and the cluster's own log, or unset RAY_ADDRESS."
        raise ProblemError(Problem(_where(), "a Ray that starts", found, remedy)) from error


@contextmanager
def _goes_on() -> Iterator[None]:
    """Take what Ray itself raises for the loss of it; what it passes on of a task's, for what it is.

    Raises:
        LostError: it has.
    """
    from ray.exceptions import RayError, RayTaskError  # noqa: PLC0415 - see session

    try:
        yield
    except RayError as error:
        if isinstance(error, RayTaskError):
            raise
        found = " ".join(str(error).split()) or type(error).__name__
        remedy = "Look at Ray's log, and free memory and disk; what is finished or saved is kept."
        raise LostError(Problem(_where(), "a Ray that goes on", found, remedy)) from error


def _where() -> str:
    return "Ray" if is_local() else f"RAY_ADDRESS={os.environ['RAY_ADDRESS']}"


def is_local() -> bool:
    """Whether Ray is this machine alone, "local" in Ray's words; else a cluster that was started before."""
    return os.environ.get("RAY_ADDRESS", "").strip() in ("", "local")
