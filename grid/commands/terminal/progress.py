"""What is done, running and waiting while a grid runs, and how long the rest may take."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from grid.plan import Plan
from grid.results.ledger import Ledger
from grid.results.output_folder import Kind

Status = Literal["done", "running", "waiting", "failed", "blocked", "stopped"]


@dataclass
class Job:
    """A training or an evaluation as the display sees it.

    Attributes:
        kind: "training" or "evaluation".
        label: for people.
        model: whose jobs say more of this one's time than other models'.
        likeness: jobs of one likeness cost about the same for each unit, whichever the seed or the source.
        units: its size: a training's iterations; one that takes none is one unit, as an evaluation is.
        status: "blocked" once something that it needs has failed; "stopped" as hopeless, or as its test.
        losses: by short name, the latest.
        started: when it began, on the state's clock.
        reports: (units done, when) of the first and the latest report since it began.
        seconds: what it took; None unless it was finished in this run.
        error: the file that says why it failed.
    """

    kind: Kind
    label: str
    model: str
    likeness: str
    units: int = 1
    status: Status = "waiting"
    losses: Mapping[str, float] = field(default_factory=dict)
    started: float = 0.0
    reports: tuple[tuple[int, float], ...] = ()
    seconds: float | None = None
    error: Path | None = None

    @property
    def step(self) -> int:
        """Units done, while it runs."""
        return self.reports[-1][0] if self.reports else 0

    @property
    def pace(self) -> float | None:
        """Seconds for a unit, between reports: what went before the first may be another run's work."""
        if not self.reports:
            return None
        (first, then), (latest, now) = self.reports[0], self.reports[-1]
        return (now - then) / (latest - first) if latest > first else None


@dataclass(frozen=True)
class TimeLeft:
    """An estimate. `complete` is False while nothing is known of some kind of work: then it takes longer."""

    seconds: float
    complete: bool


class GridState:
    """Every job of a plan, from what the ledger holds to what the events of this run have told.

    Args:
        plan: the grid.
        ledger: what is done already.
        clock: seconds, ever growing.
    """

    def __init__(self, plan: Plan, ledger: Ledger, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.begun = clock()
        self.phase = ""
        self.jobs: dict[str, Job] = {}
        self._needed_by: dict[str, list[str]] = {}
        for unit in plan.trainings.values():
            self.jobs[unit.id] = Job("training", unit.label, unit.model, unit.likeness, unit.iterations or 1)
            self._needed_by[unit.id] = plan.descendants(unit.id)
        for evaluation in plan.evaluations.values():
            model = plan.trainings[evaluation.training].model
            likeness = f"{plan.likeness(evaluation)} on {evaluation.test}"
            self.jobs[evaluation.id] = Job("evaluation", evaluation.label, model, likeness)
            for needed in plan.trainings:
                if evaluation.training in (needed, *self._needed_by[needed]):
                    self._needed_by[needed].append(evaluation.id)
        for name, job in self.jobs.items():
            if (status := ledger.status(name, job.kind)) in ("done", "stopped"):
                job.status = status

    def start(self, name: str) -> None:
        """Note that a job runs."""
        job = self.jobs[name]
        job.status, job.started, job.reports = "running", self.clock(), ()

    def advance(self, name: str, step: int, losses: Mapping[str, float]) -> None:
        """Note how far a running job is."""
        job = self.jobs[name]
        job.reports = (*job.reports[:1], (step, self.clock()))
        job.losses = {**job.losses, **losses}

    def finish(self, name: str) -> float:
        """Note that a job is done; return the seconds that it took."""
        job, seconds = self.jobs[name], self.elapsed(self.jobs[name])
        job.status, job.seconds = "done", seconds
        return seconds

    def fail(self, name: str, error: Path) -> None:
        """Note that a job has failed, and with it what needs it."""
        self.jobs[name].status, self.jobs[name].error = "failed", error
        for other in self._needed_by.get(name, []):
            if self.jobs[other].status == "waiting":
                self.jobs[other].status = "blocked"

    def stop(self, name: str) -> None:
        """Note that a training was stopped as hopeless, and that its tests will not come."""
        for other in (name, *self._needed_by[name]):
            self.jobs[other].status = "stopped"

    def put_off(self, name: str) -> None:
        """Note that a job waits for another call."""
        self.jobs[name].status = "waiting"

    def count(self, kind: Kind) -> Counter[Status]:
        """Count the jobs of a kind by status."""
        return Counter(job.status for job in self.jobs.values() if job.kind == kind)

    def having(self, status: Status) -> list[Job]:
        """List the jobs of a status, those that began first first."""
        return sorted(
            (job for job in self.jobs.values() if job.status == status), key=lambda job: job.started
        )

    def elapsed(self, job: Job) -> float:
        """Seconds since a running job began."""
        return self.clock() - job.started

    def time_left(self) -> TimeLeft | None:
        """Estimate the seconds until all is done from the jobs measured in this run; None before the first.

        What is left is shared among as many jobs as run now.
        """
        running = self.having("running")
        left = [self._left(job) for job in running + self.having("waiting")]
        known = [seconds for seconds in left if seconds is not None]
        return TimeLeft(sum(known) / max(len(running), 1), len(known) == len(left)) if known else None

    def _left(self, job: Job) -> float | None:
        """Seconds that a job still needs, by its own pace, else by that of its likes, else of its model's."""
        if job.pace is not None:
            return max(job.pace * (job.units - job.step) - (self.clock() - job.reports[-1][1]), 0.0)
        kind = [other for other in self.jobs.values() if (other.kind, other.model) == (job.kind, job.model)]
        pace = _mean_pace([other for other in kind if other.likeness == job.likeness]) or _mean_pace(kind)
        if pace is None:
            return None
        return max(pace * job.units - (self.elapsed(job) if job.status == "running" else 0.0), 0.0)


def _mean_pace(jobs: Iterable[Job]) -> float | None:
    """Seconds for a unit over the jobs that have been measured."""
    done = [(job.seconds, job.units) for job in jobs if job.seconds is not None]
    if done:
        return sum(seconds for seconds, _ in done) / sum(units for _, units in done)
    paces = [job.pace for job in jobs if job.pace is not None]
    return sum(paces) / len(paces) if paces else None
