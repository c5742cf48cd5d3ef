"""What this machine or a cluster has, and what trainings need of it: told once and early.

Otherwise each of them would tell it in its turn, or Ray would wait without a word.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import astuple
from itertools import starmap
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from datasets.loading.batch_memory import BatchLayout, require_shared_memory
from datasets.loading.windows import WindowShape
from grid.plan import Training
from grid.planning.prepare import Grid
from grid.running import ray_session
from grid.running.schedule import Share
from manifests.problem import Problem, ProblemError

_WAIT_FOR_A_NODE_S = 900
# For those of a fixed cluster that is just being started.
_WAIT_FOR_OTHERS_S = 60
# What is there within this time is not talked of; and how often it is looked for.
_QUIET_S, _LOOKED_AT_EVERY_S = 30.0, 5.0
# What `ray up` leaves on the head for the autoscaler (cluster.yaml), whose job this process is.
_AUTOSCALER_SETTINGS = Path("~/ray_bootstrap_config.yaml")


class Need(NamedTuple):
    """Workers of one unit that must all be there at once, and what each of them takes."""

    share: Share
    workers: int


def check_precision(grid: Grid, todo: Iterable[Training]) -> None:
    """Make sure that trainings which compute in bfloat16 will have a GPU, as far as this machine can tell.

    Args:
        grid: what will run, here or on a cluster, whose machines are not known yet.
        todo: its trainings that are left.

    Raises:
        ProblemError: they would run on processors, where bfloat16 is neither right nor fast.
    """
    on_processors = not grid.config.resources.train.gpu
    import torch  # noqa: PLC0415 - seconds, that a plan does without

    on_processors |= ray_session.is_local() and not torch.cuda.device_count()
    mixed = sum(training.spec.train.mixed_precision and bool(training.iterations) for training in todo)
    if on_processors and mixed:
        remedy = (
            "Give train.mixed_precision=false, which makes them trainings of their own (other ids), or run"
            " where there is a GPU."
        )
        expected = "a GPU for trainings in bfloat16"
        found = f"none for {mixed} of them"
        raise ProblemError(Problem("train.mixed_precision", expected, found, remedy))


def check_shared_memory(grid: Grid, todo: Collection[Training], at_once: int = 1) -> None:
    """Make sure that this machine has memory to share between trainings and the processes that load for them.

    Args:
        grid: what will run; on a cluster, whose machines are not known, nothing is asked.
        todo: its trainings that are left.
        at_once: how many of them run side by side.

    Raises:
        ProblemError: it has not.
    """
    if not ray_session.is_local():
        return
    workers, processes = grid.config.resources.loader_workers, grid.config.train.world_size
    largest = sorted((_batches(training) for training in todo), key=lambda found: sum(b.size for b in found))
    if largest:
        require_shared_memory(largest[-1], workers, processes * min(at_once, len(todo)))


def _batches(training: Training) -> list[BatchLayout]:
    """Return the batches that one process of a training loads, of each of its corpora; none without steps."""
    if not training.iterations:
        return []
    spec, config = training.spec, training.spec.model.config
    kinds = [*((entry, True) for entry in spec.labelled), *((entry, False) for entry in spec.unlabelled)]
    shown = [config.shown(entry.corpus).input for entry, _ in kinds]
    return [
        BatchLayout(
            spec.train.micro_batch,
            WindowShape(window.frames, window.step, window.answers),
            *size,
            labelled=labelled,
            map_size=window.map_size(size) if labelled else None,
        )
        for window, (_, labelled) in zip(shown, kinds, strict=True)
        for size in window.sizes
    ]


def check_accelerators(needs: Mapping[str, Need], machine: Share) -> None:
    """Make sure that this machine has the accelerators for what must be there at once.

    Raises:
        ProblemError: it has not.
    """
    problems = [
        Problem(
            f"resources.{kind}.gpu",
            f"at most {machine.gpu:g} for all workers of one, what this machine has",
            f"{(need.share * need.workers).gpu:g}",
            "Lower it, or train.world_size.",
        )
        for kind, need in needs.items()
        if (need.share * need.workers).gpu > machine.gpu
    ]
    if problems:
        raise ProblemError(problems)


def check_room(needs: Mapping[str, Need], tell: Callable[[str], object]) -> None:
    """Make sure that the cluster has room for what must be there at once, or may get it.

    Machines that have been started together join one after the other, so that they are waited for a while.
    Where an autoscaler may start others of which nothing is known here, nothing is asked: `Room` tells then.

    Args:
        needs: by kind, as in `resources.KIND`.
        tell: hears what is waited for.

    Raises:
        ProblemError: it has not.
    """
    if startable := _startable():
        problems = _without_room(needs, _alive(), "") and _without_room(needs, startable, "that may start")
    elif _others_may_come():
        return
    else:
        deadline, told = time.monotonic() + _WAIT_FOR_OTHERS_S, False
        while (problems := _without_room(needs, _alive(), "")) and time.monotonic() < deadline:
            if not told:
                tell(_waiting_for(problems))
                told = True
            time.sleep(1)
    if problems:
        raise ProblemError(problems)


class Room:
    """Tells when work waits for machines that a cluster does not have yet, or not any more.

    Args:
        needs: what must be there at once, by kind.
        tell: hears what is waited for, and "" once it is there.
    """

    def __init__(self, needs: Mapping[str, Need], tell: Callable[[str], object]) -> None:
        self._needs, self._tell = needs, tell
        self._looked = self._lacking_since = 0.0
        self._told = False

    def look(self) -> None:
        """Ask what the cluster has, if that was some seconds ago."""
        now = time.monotonic()
        if now - self._looked < _LOOKED_AT_EVERY_S:
            return
        self._looked = now
        problems = _without_room(self._needs, _alive(), "")
        if not problems:
            if self._told:
                self._tell("")
            self._lacking_since, self._told = 0.0, False
            return
        self._lacking_since = self._lacking_since or now
        if now - self._lacking_since >= _QUIET_S and not self._told:
            self._tell(_waiting_for(problems))
            self._told = True


def _without_room(
    needs: Mapping[str, Need], nodes: Collection[tuple[Share, int]], which: str
) -> list[Problem]:
    """List what nodes, each so many times, have no room for even while nothing else runs."""
    problems = []
    for kind, (share, workers) in needs.items():
        room = sum(share.times_in(node) * count for node, count in nodes)
        if room < workers and share != Share():
            has = f"{room} on {_machines(nodes)}{which and f' {which}'}"
            remedy = f"Start more machines, or lower resources.{kind} or train.world_size."
            expected = f"room for {workers} × {_words(share)} at once"
            problems.append(Problem(f"resources.{kind}", expected, has, remedy))
    return problems


def _waiting_for(problems: Iterable[Problem]) -> str:
    lacking = (f"{each.where} needs {each.expected}, there is {each.found}" for each in problems)
    return f"waiting for machines: {'; '.join(lacking)}"


def _machines(nodes: Iterable[tuple[Share, int]]) -> str:
    """List nodes in words, equal ones once, without those that give nothing, such as a cluster's head."""
    counts: Counter[str] = Counter()
    for node, count in nodes:
        if node.cpu or node.gpu:
            counts[_words(node)] += count
    return ", ".join(f"{count} × {words}" for words, count in counts.items()) or "no machines"


def _words(share: Share) -> str:
    amounts = ((share.cpu, "CPU"), (share.gpu, "GPU"), (round(share.memory / 2**30, 1), "GiB"))
    return f"({', '.join(f'{amount:g} {name}' for amount, name in amounts if amount or name == 'GPU')})"


def _others_may_come() -> bool:
    """Whether machines may join of which nothing is known here.

    `ray up` still starts the hosts of one's own, Kubernetes has an autoscaler beside Ray, and a client knows
    of none.
    """
    from_afar = "://" in os.environ.get("RAY_ADDRESS", "")
    return from_afar or "KUBERNETES_SERVICE_HOST" in os.environ or _AUTOSCALER_SETTINGS.expanduser().exists()


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
    while (largest := max((node for node, _ in (*_alive(), *_startable())), key=_size)).cpu <= 0:
        waited = time.monotonic() - began
        if waited > _WAIT_FOR_A_NODE_S:
            expected = "a node with processors to give"
            found = f"none after {_WAIT_FOR_A_NODE_S / 60:g} minutes"
            raise ProblemError(Problem("Ray cluster", expected, found, "Look at `ray status` on the head."))
        if waited > _QUIET_S and not told:
            tell("waiting for the cluster's first node with processors to give")
            told = True
        time.sleep(1)
    return largest


def _alive() -> list[tuple[Share, int]]:
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
    later = sum(starmap(Share.__mul__, _startable()), Share())
    return Share(*map(max, astuple(now), astuple(later)))


def _startable() -> list[tuple[Share, int]]:
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


def _size(share: Share) -> tuple[float, float]:
    return share.gpu, share.cpu


def _share(resources: Mapping[str, float]) -> Share:
    return Share(*(float(resources.get(name, 0.0)) for name in ("CPU", "GPU", "memory")))
