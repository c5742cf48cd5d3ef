"""The grid on Ray: Tune starts a training as soon as its parent is done, and evaluations fill the rest."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Mapping
from functools import partial

from ray import tune

from grid.evaluation.job import EvaluationJob
from grid.results import output_folder
from grid.results.ledger import Ledger
from grid.results.storage import Storage
from grid.running.evaluation_tasks import EvaluationTasks
from grid.running.events import Listener
from grid.running.interruption import Interruption
from grid.running.ray_cluster.room import Room
from grid.running.recorder import Recorder
from grid.running.schedule import Schedule, Share
from grid.running.trial import trial
from grid.running.tune_hooks import TIMES_TAKEN_BACK, TrainingSearcher, TrialCallback
from grid.training.job import Job


class Driver:
    """Runs what a schedule releases.

    Args:
        schedule: what is left to do, and what may start now.
        ledger: where results go.
        listener: hears of every start, step and end.
        storage: where workers write what is durable, as they see it.
        trainings, evaluations: the jobs by id.
        worker: what one worker of a training takes of the machine.
        failures: times that Ray restarts a worker.
        local: whether Ray is this machine alone.
        interruption: hears of Ctrl-C; one that nobody has heard of otherwise.
        room: tells when work waits for machines, where there may be others.
    """

    def __init__(
        self,
        schedule: Schedule,
        ledger: Ledger,
        listener: Listener,
        *,
        storage: Storage,
        trainings: Mapping[str, Job],
        evaluations: Mapping[str, EvaluationJob],
        worker: Share,
        failures: int,
        local: bool,
        interruption: Interruption | None = None,
        room: Room | None = None,
    ) -> None:
        self.schedule, self.ledger, self.trainings = schedule, ledger, trainings
        self.recorder = Recorder(schedule, ledger, listener)
        self._interruption = interruption or Interruption(storage)
        self._storage, self._worker, self._failures = storage, worker, failures
        self._room = room
        self.here = local and not worker.gpu
        self._evaluations = EvaluationTasks(schedule, self.recorder, evaluations, storage, failures)

    def run(self) -> None:
        """Return when every unit is done or has failed, or when the user interrupts."""
        if not self.schedule.trainings_over():
            self._tune()
        # Interrupted, Tune returns with trainings that have not ended: then no evaluation is waited for.
        stays = self.schedule.trainings_over() and not self._interruption.asked
        while stays and not self.schedule.over():
            self._look_for_room()
            self._evaluations.pump(wait=0.5)

    def _tune(self) -> None:
        body = partial(
            trial,
            jobs=self.trainings,
            share=self._worker,
            storage=self._storage,
            failures=self._failures,
            here=self.here,
        )
        # The schedule shares the machine out. A trial that waits for Ray Train's workers never keeps them
        # waiting by asking for next to nothing, and one that stays for the next training keeps nobody.
        nothing = tune.PlacementGroupFactory([{"node:__internal_head__": 0.001}])
        folder = self.ledger.out.resolve() / output_folder.TUNE
        hooks = self.schedule, self.recorder, self._between_steps
        tuner = tune.Tuner(
            tune.with_resources(body, nothing),
            tune_config=tune.TuneConfig(
                search_alg=TrainingSearcher(*hooks),
                num_samples=len(self.schedule.plan.trainings) * (1 + TIMES_TAKEN_BACK),
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name=folder.name,
                storage_path=str(folder.parent),
                callbacks=[TrialCallback(*hooks)],
                # A trial reports its training's failure; what it dies of is Ray's.
                failure_config=tune.FailureConfig(max_failures=self._failures),
                verbose=0,
            ),
        )
        handler = signal.getsignal(signal.SIGINT)
        try:
            # Tune's own handler of Ctrl-C is turned off, but for this signal it has the same.
            with self._interruption.gently(partial(signal.raise_signal, signal.SIGUSR1)):
                tuner.fit()
        finally:
            # Tune leaves its own handler behind, which would swallow the next interruption.
            signal.signal(signal.SIGINT, handler)
            shutil.rmtree(folder, ignore_errors=True)

    def _between_steps(self) -> None:
        """Let evaluations go on beside trainings, and end these once the user wants to stop."""
        self._look_for_room()
        self._evaluations.pump()
        self._interruption.end_when_saved(
            set(self.schedule.running).intersection(self.schedule.plan.trainings)
        )

    def _look_for_room(self) -> None:
        if self._room and self.schedule.running:
            self._room.look()
