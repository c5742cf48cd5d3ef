"""Room on a cluster for what must be there at once: told early, since Ray would wait without a word."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import NamedTuple

from grid.running.ray_cluster import nodes
from grid.running.schedule import Share
from manifests.problem import Problem, ProblemError

# For the machines of a fixed cluster that is just being started.
_WAIT_FOR_OTHERS_S = 60
_LOOKED_AT_EVERY_S = 5.0


class Need(NamedTuple):
    """Workers of one unit that must all be there at once, and what each of them takes."""

    share: Share
    workers: int


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
    if startable := nodes.startable():
        problems = _without_room(needs, nodes.alive(), "") and _without_room(
            needs, startable, "that may start"
        )
    elif nodes.others_may_come():
        return
    else:
        deadline, told = time.monotonic() + _WAIT_FOR_OTHERS_S, False
        while (problems := _without_room(needs, nodes.alive(), "")) and time.monotonic() < deadline:
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
        problems = _without_room(self._needs, nodes.alive(), "")
        if not problems:
            if self._told:
                self._tell("")
            self._lacking_since, self._told = 0.0, False
            return
        self._lacking_since = self._lacking_since or now
        if now - self._lacking_since >= nodes.QUIET_S and not self._told:
            self._tell(_waiting_for(problems))
            self._told = True


def _without_room(
    needs: Mapping[str, Need], machines: Collection[tuple[Share, int]], which: str
) -> list[Problem]:
    """List what machines, each so many times, have no room for even while nothing else runs."""
    problems = []
    for kind, (share, workers) in needs.items():
        room = sum(share.times_in(node) * count for node, count in machines)
        if room < workers and share != Share():
            has = f"{room} on {_machines(machines)}{which and f' {which}'}"
            remedy = f"Start more machines, or lower resources.{kind} or train.world_size."
            expected = f"room for {workers} × {_words(share)} at once"
            problems.append(Problem(f"resources.{kind}", expected, has, remedy))
    return problems


def _waiting_for(problems: Iterable[Problem]) -> str:
    lacking = (f"{each.where} needs {each.expected}, there is {each.found}" for each in problems)
    return f"waiting for machines: {'; '.join(lacking)}"


def _machines(machines: Iterable[tuple[Share, int]]) -> str:
    """List machines in words, equal ones once, without those that give nothing, such as a cluster's head."""
    counts: Counter[str] = Counter()
    for node, count in machines:
        if node.cpu or node.gpu:
            counts[_words(node)] += count
    return ", ".join(f"{count} × {words}" for words, count in counts.items()) or "no machines"


def _words(share: Share) -> str:
    amounts = ((share.cpu, "CPU"), (share.gpu, "GPU"), (round(share.memory / 2**30, 1), "GiB"))
    return f"({', '.join(f'{amount:g} {name}' for amount, name in amounts if amount or name == 'GPU')})"
