"""The nodes of a cluster: those that are there, and those that its autoscaler may start."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import astuple
from itertools import starmap
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from grid.running.ray_cluster import ray_session
from grid.running.schedule import Share
from manifests.problem import Problem, ProblemError

# What is there within this time is not talked of.
QUIET_S = 30.0
_WAIT_FOR_A_NODE_S = 900
# What `ray up` leaves on the head for the autoscaler (cluster.yaml), whose job this process is.
_AUTOSCALER_SETTINGS = Path("~/ray_bootstrap_config.yaml")


def largest_node(tell: Callable[[str], object] = lambda text: None) -> Share:
    """Say what the node with most accelerators, then processors, has: no unit can take more.

    An autoscaler's node counts as soon as it may be started. Where no node can work yet, as when a cluster
    has just been brought up, the first one is waited for.

    Args:
        tell: hears it when that takes a while.

    Raises:
        ProblemError: none has come.
    """
    began, told = time.monotonic(), False
    while (largest := max((node for node, _ in (*alive(), *startable())), key=_size)).cpu <= 0:
        waited = time.monotonic() - began
        if waited > _WAIT_FOR_A_NODE_S:
            expected = "a node with processors to give"
            found = f"none after {_WAIT_FOR_A_NODE_S / 60:g} minutes"
            raise ProblemError(Problem("Ray cluster", expected, found, "Look at `ray status` on the head."))
        if waited > QUIET_S and not told:
            tell("waiting for the cluster's first node with processors to give")
            told = True
        time.sleep(1)
    return largest


def alive() -> list[tuple[Share, int]]:
    """List the nodes that are there, each once."""
    import ray  # noqa: PLC0415 - seconds, that a plan does without

    return [(_share(node["Resources"]), 1) for node in ray.nodes() if node["Alive"]]


def capacity() -> Share:
    """Say what the whole cluster has now, whether used or not, or will have when all that may start has.

    Work is handed out for nodes that do not run yet, because the autoscaler starts nodes only for work that
    waits for them.
    """
    import ray  # noqa: PLC0415 - seconds, that a plan does without

    now = _share(ray.cluster_resources())
    later = sum(starmap(Share.__mul__, startable()), Share())
    return Share(*map(max, astuple(now), astuple(later)))


def startable() -> list[tuple[Share, int]]:
    """List the workers that the autoscaler may start, by kind, with how many; the largest kind first."""
    file = _AUTOSCALER_SETTINGS.expanduser()
    if ray_session.is_local() or not file.exists():
        return []
    settings: Any = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
    kinds = dict(settings.get("available_node_types", {}))
    kinds.pop(settings.get("head_node_type"), None)
    left, found = settings.get("max_workers", 0), []
    for kind in sorted(
        kinds.values(), key=lambda kind: _size(_share(kind.get("resources", {}))), reverse=True
    ):
        # Kinds are alternatives, such as spot and on-demand: together they are no more than `max_workers`.
        count = min(left, kind.get("max_workers", left))
        found.append((_share(kind.get("resources", {})), count))
        left -= count
    return [(node, count) for node, count in found if count]


def others_may_come() -> bool:
    """Whether machines may join of which nothing is known here.

    `ray up` still starts the hosts of one's own, Kubernetes has an autoscaler beside Ray, and a client knows
    of none.
    """
    from_afar = "://" in os.environ.get("RAY_ADDRESS", "")
    return from_afar or "KUBERNETES_SERVICE_HOST" in os.environ or _AUTOSCALER_SETTINGS.expanduser().exists()


def _size(share: Share) -> tuple[float, float]:
    return share.gpu, share.cpu


def _share(resources: Mapping[str, float]) -> Share:
    return Share(*(float(resources.get(name, 0.0)) for name in ("CPU", "GPU", "memory")))
