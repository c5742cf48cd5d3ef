"""Which unit of work may start now: ready by the plan, and fitting beside what runs already.

Pure bookkeeping, without Ray: `start_*` hands a unit out and books its share of the machine,
`finish_*` and `fail_*` give the share back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import astuple, dataclass

from grid.config import Unit
from grid.plan import Evaluation, Plan, Training


@dataclass(frozen=True)
class Share:
    """An amount of processors, accelerators and memory (bytes)."""

    cpu: float = 0.0
    gpu: float = 0.0
    memory: float = 0.0

    def __add__(self, other: Share) -> Share:
        return Share(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __mul__(self, times: float) -> Share:
        return Share(*(amount * times for amount in astuple(self)))

    def fits(self, capacity: Share) -> bool:
        """Whether this much is there; a millionth is forgiven for sums of fractions."""
        return all(a <= b * (1 + 1e-6) for a, b in zip(astuple(self), astuple(capacity), strict=True))

    @classmethod
    def of(cls, unit: Unit, machine: Share) -> Share:
        """Say what a unit takes: as configured, but never more than the machine has of processors and memory.

        So one unit always runs, however small the machine. A missing accelerator is not forgiven: a
        training meant for one would take weeks without.
        """
        gpu = min(1.0, machine.gpu) if unit.gpu < 0 else unit.gpu
        return cls(min(unit.cpu, machine.cpu), gpu, min(unit.memory_gib * 2**30, machine.memory))


class Schedule:
    """The state of every unit of a plan.

    Trainings that others wait for come first, the longest chain before the others; then evaluations, so
    that cells fill early; then the remaining trainings.

    Args:
        plan: the units.
        done: ids of the units that need no work.
        capacity: () -> the whole machine, asked each time because a cluster grows and shrinks.
        parts: evaluation -> the parts that it comes in.
        train, evaluate: the share of one training and of one part of an evaluation.
    """

    def __init__(
        self,
        plan: Plan,
        done: Collection[str],
        capacity: Callable[[], Share],
        *,
        parts: Mapping[str, int],
        train: Share,
        evaluate: Share,
    ) -> None:
        self.plan, self.capacity, self.train, self.evaluate = plan, capacity, train, evaluate
        self.done = set(done)
        self._parts = {
            evaluation: list(range(parts[evaluation]))
            for evaluation in plan.evaluations
            if evaluation not in self.done
        }
        self.failed: set[str] = set()
        self.running: dict[str, Share] = {}
        chains = {training: len(plan.descendants(training)) for training in plan.trainings}
        # Of equally long chains the costlier first: short work at the end leaves no processor idle.
        self._order = sorted(plan.trainings, key=lambda name: (-chains[name], -plan.trainings[name].cost))
        self._leaves = {training for training, chain in chains.items() if chain == 0}

    def start_training(self) -> Training | None:
        """Hand out the next training that may run now; None if none may."""
        for training in self._order:
            parent = self.plan.trainings[training].parent
            if not self._waits(training) or (parent and parent not in self.done):
                continue
            if training in self._leaves and self._next_part():
                return None
            return self.plan.trainings[training] if self._book(training, self.train) else None
        return None

    def start_part(self) -> tuple[Evaluation, int] | None:
        """Hand out the next part of an evaluation that may run now; None if none may."""
        evaluation = self._next_part()
        if evaluation is None:
            return None
        left = self._parts[evaluation.id]
        return (evaluation, left.pop(0)) if self._book(f"{evaluation.id}/{left[0]}", self.evaluate) else None

    def end_part(self, evaluation: Evaluation, part: int) -> None:
        """Note that a part of an evaluation has ended, one way or the other."""
        self.running.pop(f"{evaluation.id}/{part}")

    def finish(self, unit: str) -> None:
        """Note that a training, or an evaluation with all its parts, is done."""
        self.running.pop(unit, None)
        self.done.add(unit)

    def fail(self, unit: str) -> list[str]:
        """Note that a unit has failed; return the ids of all that cannot be done any more because of it."""
        self.running.pop(unit, None)
        retired = []
        if unit in self.plan.trainings:
            retired = [other for other in self.plan.dependents(unit) if other not in self.done]
        self.failed |= {unit, *retired}
        return retired

    def no_more_trainings(self) -> bool:
        """Whether no training will start any more; some may still run."""
        return self.done.union(self.failed, self.running).issuperset(self.plan.trainings)

    def trainings_over(self) -> bool:
        """Whether every training has ended, one way or the other."""
        return self.done.union(self.failed).issuperset(self.plan.trainings)

    def over(self) -> bool:
        """Whether every unit has ended, one way or the other."""
        return self.trainings_over() and self.done.union(self.failed).issuperset(self.plan.evaluations)

    def _next_part(self) -> Evaluation | None:
        for evaluation, parts in self._parts.items():
            found = self.plan.evaluations[evaluation]
            if parts and evaluation not in self.failed and found.training in self.done:
                return found
        return None

    def _waits(self, unit: str) -> bool:
        return unit not in self.done and unit not in self.failed and unit not in self.running

    def _book(self, unit: str, share: Share) -> bool:
        booked = sum(self.running.values(), Share())
        # When nothing runs there is nothing to wait for: a cluster that has shrunk below one unit's share
        # is asked for it all the same, and may grow again.
        if self.running and not (booked + share).fits(self.capacity()):
            return False
        self.running[unit] = share
        return True
