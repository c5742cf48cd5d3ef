"""Nodes of a Ray cluster on this machine: each a raylet with its own workers, all on loopback."""

import os
from contextlib import contextmanager
from unittest import mock

import psutil
from ray._private import ray_constants
from ray.cluster_utils import Cluster

# Every raylet would take the whole machine's for its own.
_SMALL = {"memory": 4_000_000_000, "object_store_memory": 150_000_000, "node_ip_address": "127.0.0.1"}
# Or Ray would go to a cluster on 127.0.0.1 by the machine's address, where this one does not listen.
ON_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
# As in grid/clusters/environment.sh.
_SOON = {
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
}


@contextmanager
def loopback_cluster():
    """Yield a cluster whose head has no processors to give, with RAY_ADDRESS set to it; see `add`."""
    # Joining a cluster sets more variables, which are not meant for other tests.
    with (
        mock.patch.dict(os.environ, ON_LOOPBACK | _SOON),
        mock.patch.object(ray_constants, "ENABLE_RAY_CLUSTER", False),
    ):
        cluster = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **_SMALL}
        )
        os.environ["RAY_ADDRESS"] = cluster.address
        try:
            yield cluster
        finally:
            cluster.shutdown()


def add(cluster):
    """Start a node of one processor; it is there when this returns."""
    return cluster.add_node(num_cpus=1, **_SMALL)


def raylet(node) -> psutil.Process:
    """Return the process whose end is the node's."""
    return psutil.Process(node.all_processes["raylet"][0].process.pid)


def trains(node) -> bool:
    """Whether a worker of a training is on the node."""
    try:
        titles = [" ".join(child.cmdline()) for child in raylet(node).children(recursive=True)]
    except psutil.NoSuchProcess:
        return False
    return any("RayTrainWorker" in title for title in titles)
