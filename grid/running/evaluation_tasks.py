"""Evaluations as Ray tasks: one for each part, and one that makes the result of them."""

from __future__ import annotations

from collections.abc import Mapping

import ray
from ray.exceptions import RayError, RayTaskError

from grid.evaluation.job import EvaluationJob
from grid.evaluation.parts import do_part, gather
from grid.plan import Evaluation
from grid.results.storage import Storage
from grid.running.recorder import Recorder
from grid.running.schedule import Schedule
from manifests.problem import ExchangedError


class EvaluationTasks:
    """Runs the parts of evaluations that a schedule releases.

    Args:
        schedule: which part may start now.
        recorder: hears what becomes of evaluations.
        jobs: the evaluations' jobs, by id.
        storage: where workers write what is durable, as they see it.
        failures: times that Ray runs a task again whose worker has died.
    """

    def __init__(
        self,
        schedule: Schedule,
        recorder: Recorder,
        jobs: Mapping[str, EvaluationJob],
        storage: Storage,
        failures: int,
    ) -> None:
        self._schedule, self._recorder, self._jobs, self._storage = schedule, recorder, jobs, storage
        self._parts: dict[ray.ObjectRef, tuple[Evaluation, int]] = {}
        self._parts_left: dict[str, int] = {}
        self._results: dict[ray.ObjectRef, Evaluation] = {}
        share = schedule.evaluate
        self._do_part = ray.remote(do_part).options(
            num_cpus=share.cpu, num_gpus=share.gpu, memory=int(share.memory), max_retries=failures
        )
        self._gather = ray.remote(gather).options(num_cpus=0, max_retries=failures)

    def pump(self, wait: float = 0.0) -> None:
        """Start all parts that may start, and take in a task that has ended.

        Args:
            wait: seconds to wait for one to end.
        """
        while found := self._schedule.start_part():
            evaluation, part = found
            job = self._jobs[evaluation.id]
            if evaluation.id not in self._parts_left:
                self._parts_left[evaluation.id] = len(job.parts)
                self._recorder.evaluation_started(evaluation)
            self._parts[self._do_part.remote(job, part, self._storage)] = found
        if under_way := [*self._parts, *self._results]:
            ended, _ = ray.wait(under_way, num_returns=1, timeout=wait)
            for task in ended:
                if task in self._parts:
                    self._end_part(task)
                else:
                    self._end_result(task)

    def _end_part(self, task: ray.ObjectRef) -> None:
        evaluation, part = self._parts.pop(task)
        self._schedule.end_part(evaluation, part)
        if evaluation.id in self._schedule.failed:
            return
        try:
            ray.get(task)
        except Exception as error:  # noqa: BLE001 - whatever one evaluation dies of, the others go on
            self._ended_badly(evaluation, error)
            return
        self._parts_left[evaluation.id] -= 1
        if not self._parts_left[evaluation.id]:
            result = self._gather.remote(self._jobs[evaluation.id], evaluation, self._storage)
            self._results[result] = evaluation

    def _end_result(self, task: ray.ObjectRef) -> None:
        evaluation = self._results.pop(task)
        try:
            ray.get(task)
            self._recorder.evaluation_finished(evaluation)
        except Exception as error:  # noqa: BLE001 - see above
            self._ended_badly(evaluation, error)

    def _ended_badly(self, evaluation: Evaluation, error: Exception) -> None:
        cause = getattr(error, "cause", None) or error
        # What a url refused it may give again by now: asking it says nothing then.
        of_storage = bool(self._storage.url) and isinstance(cause, OSError)
        if why := str(cause) if of_storage or _is_of_the_surroundings(cause) else self._storage.silent():
            self._recorder.interrupted(evaluation, why)
        else:
            self._recorder.evaluation_failed(evaluation, error)


def _is_of_the_surroundings(cause: Exception) -> bool:
    """Whether a task's process was ended, with Ray, a node or alone, or it found something exchanged."""
    return isinstance(cause, ExchangedError | RayError) and not isinstance(cause, RayTaskError)
