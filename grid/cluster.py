"""Ray, started quietly on this machine or joined where it runs, and what it has to offer."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from grid.schedule import Share

_ENVIRONMENT = {
    # Progress is ours to draw.
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    # Ray Train looks for reports every two seconds unless told; a demo training lasts half a minute.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    # The ledger is what is resumed from, so Tune need not save its own state often.
    "TUNE_GLOBAL_CHECKPOINT_S": "3600",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
# On one machine of one's own, which nobody takes away: a process less for each training, and workers that
# have PyTorch in memory are kept for the next evaluation.
_LOCAL_ENVIRONMENT = {
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_idle_worker_killing_time_threshold_ms": "600000",
}
_LOCAL_OPTIONS = {
    # Not one that somebody else has started on this machine.
    "address": "local",
    "include_dashboard": False,
    "_node_ip_address": "127.0.0.1",
    # Nothing large travels through Ray: clips are read by the workers, results are tables.
    "object_store_memory": 512 * 2**20,
}


@contextmanager
def session() -> Iterator[None]:
    """Ray for as long as the block lasts.

    With RAY_ADDRESS set (as in a submitted job) the running cluster is joined; otherwise Ray is started on
    this machine alone, reachable from it alone, and ended with the block. A request to terminate ends the
    block as an interruption does.
    """
    local = is_local()
    for name, value in (_ENVIRONMENT | (_LOCAL_ENVIRONMENT if local else {})).items():
        os.environ.setdefault(name, value)
    import ray  # noqa: PLC0415 - the environment must be set first, and --plan does without Ray

    ray.init(log_to_driver=False, logging_level="ERROR", **(_LOCAL_OPTIONS if local else {}))
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
        ray.shutdown()


def is_local() -> bool:
    """Whether Ray is this machine alone; else it is a cluster that was started before."""
    return not os.environ.get("RAY_ADDRESS")


def largest_node() -> Share:
    """Say what the node with most accelerators, then processors, has: no unit can take more."""
    import ray  # noqa: PLC0415 - see session

    return max(
        (_share(node["Resources"]) for node in ray.nodes() if node["Alive"]),
        key=lambda share: (share.gpu, share.cpu),
    )


def capacity() -> Share:
    """Say what the whole cluster has now, whether used or not."""
    import ray  # noqa: PLC0415 - see session

    return _share(ray.cluster_resources())


def _share(resources: Mapping[str, float]) -> Share:
    return Share(*(resources.get(name, 0.0) for name in ("CPU", "GPU", "memory")))
