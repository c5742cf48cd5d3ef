"""Which unit of work may start now: ready by the plan, and fitting beside what runs already.

Pure bookkeeping, without Ray: `start_*` hands a unit out and books its share of the machine,
`finish_*` and `fail_*` give the share back.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from grid.plan import Evaluation, Plan, Training
from grid.specs.settings import Unit

# With 1 the paper's tables with 12 seeds take 1 % longer on 64 GPUs, and with all trainings 1 % less, but no
# cell would fill before the end.
_FINAL_TRAININGS_EACH_SLOT = 2
_RAYS_COUNT = 10_000


@dataclass(frozen=True)
class Share:
    """An amount of processors, accelerators and memory (bytes)."""

    cpu: float = 0.0
    gpu: float = 0.0
    memory: float = 0.0

    def __add__(self, other: Share) -> Share:
        return Share(self.cpu + other.cpu, self.gpu + other.gpu, self.memory + other.memory)

    def __mul__(self, times: float) -> Share:
        return Share(self.cpu * times, self.gpu * times, self.memory * times)

    def fits(self, capacity: Share) -> bool:
        """Whether this much is there; a millionth is forgiven for sums of fractions."""
        pairs = (self.cpu, capacity.cpu), (self.gpu, capacity.gpu), (self.memory, capacity.memory)
        return all(a <= b * (1 + 1e-6) for a, b in pairs)

    def times_in(self, capacity: Share) -> int:
        """Return how many of this there are in a capacity."""
        pairs = (self.cpu, capacity.cpu), (self.gpu, capacity.gpu), (self.memory, capacity.memory)
        return int(min((b * (1 + 1e-6) / a for a, b in pairs if a), default=0))

    @classmethod
    def of(cls, unit: Unit, machine: Share, together: int = 1) -> Share:
        """Say what a unit takes: as configured, but never more than the machine has of processors and memory.

        So one unit always runs, however small the machine. A missing accelerator is not forgiven: a
        training meant for one would take weeks without.

        Args:
            unit: as configured.
            machine: the whole of it.
            together: workers that must all be there at once, of which this is the share of one.
        """
        gpu = min(-unit.gpu, machine.gpu) if unit.gpu < 0 else unit.gpu
        cpu, memory = (_part(amount, together) for amount in (machine.cpu, machine.memory))
        return cls(min(unit.cpu, cpu), gpu, min(unit.memory_gib * 2**30, memory))


def _part(amount: float, parts: int) -> float:
    """Divide what Ray counts in ten-thousandths, so that the parts, as it rounds them, fit into the whole."""
    return math.floor(amount / parts * _RAYS_COUNT) / _RAYS_COUNT if parts > 1 else amount


class Schedule:
    """The state of every unit of a plan.

    Trainings that others wait for come first, the longest chain before the others; then evaluations, so
    that cells fill early; then the remaining trainings. The last of these come before evaluations again:
    short parts fill the machine to the end, where trainings would run alone.

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
        # Parts that may be started, and those that wait for the training by whose id they are kept.
        self._ready: deque[tuple[Evaluation, int]] = deque()
        self._parts: dict[str, list[tuple[Evaluation, int]]] = defaultdict(list)
        for evaluation in plan.evaluations.values():
            if evaluation.id not in self.done:
                trained = evaluation.training in self.done
                kept = self._ready if trained else self._parts[evaluation.training]
                kept.extend((evaluation, part) for part in range(parts[evaluation.id]))
        self.failed: set[str] = set()
        self.running: dict[str, Share] = {}
        chains = {training: len(plan.descendants(training)) for training in plan.trainings}
        # Of equally long chains the costlier first: short work at the end leaves no processor idle.
        order = sorted(plan.trainings, key=lambda name: (-chains[name], -plan.trainings[name].clips))
        self._waiting = dict.fromkeys(name for name in order if name not in self.done)
        self._leaves = {training for training, chain in chains.items() if chain == 0}

    def start_training(self) -> Training | None:
        """Hand out the next training that may run now; None if none may."""
        training = self._next_training()
        if training is None or (self._next_part() and not self._goes_first(training)):
            return None
        if not self._book(training.id, self.train):
            return None
        del self._waiting[training.id]
        return training

    def start_part(self) -> tuple[Evaluation, int] | None:
        """Hand out the next part of an evaluation that may run now; None if none may."""
        part, training = self._next_part(), self._next_training()
        if part is None or (training and self._goes_first(training) and self._fits(self.train)):
            return None
        return self._ready.popleft() if self._book(f"{part[0].id}/{part[1]}", self.evaluate) else None

    def end_part(self, evaluation: Evaluation, part: int) -> None:
        """Note that a part of an evaluation has ended, one way or the other."""
        self.running.pop(f"{evaluation.id}/{part}")

    def finish(self, unit: str) -> None:
        """Note that a training, or an evaluation with all its parts, is done."""
        self.running.pop(unit, None)
        self._waiting.pop(unit, None)
        self.done.add(unit)
        self._ready.extend(self._parts.pop(unit, ()))

    def fail(self, unit: str) -> list[str]:
        """Note that a unit has failed; return the ids of all that cannot be done any more because of it."""
        self.running.pop(unit, None)
        retired = []
        if unit in self.plan.trainings:
            retired = [other for other in self.plan.dependents(unit) if other not in self.done]
        self.failed |= {unit, *retired}
        for lost in (unit, *retired):
            self._waiting.pop(lost, None)
        return retired

    def take_back(self, training: str) -> None:
        """Note that a training has not begun after all: it is the next to be handed out."""
        self.running.pop(training)
        self._waiting = {training: None, **self._waiting}

    def trainings_over(self) -> bool:
        """Whether every training has ended, one way or the other."""
        return self.done.union(self.failed).issuperset(self.plan.trainings)

    def over(self) -> bool:
        """Whether every unit has ended, one way or the other."""
        return self.trainings_over() and self.done.union(self.failed).issuperset(self.plan.evaluations)

    def _next_training(self) -> Training | None:
        for training in map(self.plan.trainings.__getitem__, self._waiting):
            if not training.parent or training.parent in self.done:
                return training
        return None

    def _goes_first(self, training: Training) -> bool:
        """Whether a training comes before evaluations: one that others wait for, or one of the last."""
        if training.id not in self._leaves:
            return True
        return len(self._waiting) <= _FINAL_TRAININGS_EACH_SLOT * self.train.times_in(self.capacity())

    def _next_part(self) -> tuple[Evaluation, int] | None:
        while self._ready and self._ready[0][0].id in self.failed:
            self._ready.popleft()
        return self._ready[0] if self._ready else None

    def _fits(self, share: Share) -> bool:
        # When nothing runs there is nothing to wait for: a cluster that has shrunk below one unit's share
        # is asked for it all the same, and may grow again.
        booked = sum(self.running.values(), Share())
        return not self.running or (booked + share).fits(self.capacity())

    def _book(self, unit: str, share: Share) -> bool:
        if not self._fits(share):
            return False
        self.running[unit] = share
        return True
