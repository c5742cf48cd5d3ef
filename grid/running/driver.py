"""The grid on Ray: Tune starts a training as soon as its parent is done, and evaluations fill the rest."""

from __future__ import annotations

import logging
import shutil
import signal
import traceback
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.search import Searcher

from grid.evaluation import pictures
from grid.evaluation.evaluate import EvaluationJob
from grid.evaluation.parts import do_part, gather
from grid.plan import Evaluation, Row, Training
from grid.results import output_folder
from grid.results.failures import account, consequence
from grid.results.ledger import Ledger
from grid.results.storage import Storage
from grid.running.events import Listener
from grid.running.schedule import Schedule, Share
from grid.training.loop import Job
from grid.training.ray_worker import trial
from hd2s.weights.checkpoints import WeightsError
from manifests.problem import ProblemError

_LOG = logging.getLogger(__name__)
# Of a training's curve, kept for the account of a failure.
_LAST_ROWS = 60


class Sweep:
    """Runs what a schedule releases, writes the ledger, and tells listeners.

    Args:
        schedule: what is left to do, and what may start now.
        ledger: where results go.
        listener: hears of every start, step and end.
        storage: where workers write what is durable, as they see it.
        trainings, evaluations: the jobs by id.
        worker: what one worker of a training takes of the machine.
        failures: times that Ray restarts a worker.
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
    ) -> None:
        self.schedule, self.ledger, self.listener = schedule, ledger, listener
        self.trainings, self.evaluations = trainings, evaluations
        self.storage, self.worker, self.failures = storage, worker, failures
        # Parts of evaluations under way, how many are still to end of each, and results being made of them.
        self.parts: dict[Any, tuple[Evaluation, int]] = {}
        self.left: dict[str, int] = {}
        self.gathering: dict[Any, Evaluation] = {}
        # Trainings that have got as far as a report, and the end of it.
        self.heard: dict[str, deque[Row]] = {}
        share = schedule.evaluate
        self._evaluate = ray.remote(do_part).options(
            num_cpus=share.cpu, num_gpus=share.gpu, memory=int(share.memory), max_retries=failures
        )
        self._gather = ray.remote(gather).options(num_cpus=0, max_retries=failures)

    def run(self) -> None:
        """Return when every unit is done or has failed, or when the user interrupts."""
        if not self.schedule.trainings_over():
            self._tune()
        # Interrupted, Tune returns with trainings that have not ended: then no evaluation is waited for.
        while self.schedule.trainings_over() and not self.schedule.over():
            self.pump_evaluations(wait=0.5)

    def _tune(self) -> None:
        body = partial(
            trial,
            jobs=self.trainings,
            share=self.worker,
            storage=self.storage,
            failures=self.failures,
        )
        folder = self.ledger.out.resolve() / output_folder.TUNE
        # A trial waits for Ray Train's workers; by asking for next to nothing it never keeps them waiting.
        nothing = tune.PlacementGroupFactory([{"node:__internal_head__": 0.001}])
        tuner = tune.Tuner(
            tune.with_resources(body, nothing),
            tune_config=tune.TuneConfig(
                search_alg=_Searcher(self), num_samples=len(self.schedule.plan.trainings), reuse_actors=True
            ),
            run_config=tune.RunConfig(
                name=folder.name,
                storage_path=str(folder.parent),
                callbacks=[_Callback(self)],
                verbose=0,
            ),
        )
        handler = signal.getsignal(signal.SIGINT)
        try:
            tuner.fit()
        finally:
            # Tune leaves its own handler behind, which would swallow the next interruption.
            signal.signal(signal.SIGINT, handler)
            shutil.rmtree(folder, ignore_errors=True)

    def start_training(self) -> Training | None:
        """Return the next training for Tune to start, or None."""
        training = self.schedule.start_training()
        if training:
            self.listener.on_training_started(training)
        return training

    def progress(self, training: Training, rows: list[dict[str, Any]]) -> None:
        """Pass on new rows of a training's curve."""
        self.heard.setdefault(training.id, deque(maxlen=_LAST_ROWS)).extend(rows)
        latest = {row["name"]: row["value"] for row in rows}
        losses = {"loss": sum(value for name, value in latest.items() if name.startswith("train/"))}
        if "val/kld" in latest:
            losses["val KLD"] = latest["val/kld"]
        self.listener.on_training_progress(training, rows[-1]["step"], training.iterations, losses, rows)

    def finish_training(self, training: Training, summary: dict[str, Any]) -> None:
        """Record a training that has ended well; the states to resume it from are not needed any more."""
        summary = dict(summary)
        curve = summary.pop("curve")
        summary["checkpoint"] = self.storage.name(self.trainings[training.id].weights)
        try:
            self.ledger.write_training(training, curve, summary)
        except Exception as error:  # noqa: BLE001 - one training's result must not stop the others
            self.fail_training(training, _told(error))
            return
        self._tidy(output_folder.states(training.id))
        self.schedule.finish(training.id)
        self.listener.on_training_finished(training, summary, curve)

    def _tidy(self, name: str) -> None:
        """Remove what a result has made needless; a later run does it where the storage does not answer."""
        with suppress(OSError):
            self.ledger.storage.delete(name)

    def leave_alone(self, unit: str) -> None:
        """Do not try again what failed in an earlier run, nor what needs it."""
        plan = self.schedule.plan
        lost = self.schedule.fail(unit)
        if unit in plan.trainings:
            why = self.ledger.failure(unit).read_text(encoding="utf-8")
            self._retire(plan.trainings[unit], lost, why)

    def fail_training(self, training: Training, text: str) -> None:
        """Record that a training has failed for good, and with it all that needs it."""
        full = account(training, text, self.heard.get(training.id, ()))
        file = self._write_failure(training.id, full)
        self.listener.on_training_failed(training, file)
        self._retire(training, self.schedule.fail(training.id), text)

    def _retire(self, training: Training, lost: list[str], text: str) -> None:
        plan = self.schedule.plan
        for unit in lost:
            file = self._write_failure(unit, consequence(unit, training, text))
            if unit in plan.trainings:
                self.listener.on_training_failed(plan.trainings[unit], file)
            else:
                self.listener.on_evaluation_failed(plan.evaluations[unit], file)

    def _write_failure(self, unit: str, text: str) -> Path:
        """Record why a unit failed; where there is no room even for that, it will be tried again."""
        try:
            return self.ledger.write_failure(unit, text)
        except (ProblemError, OSError) as error:
            _LOG.error("%s, and this cannot be written down: %s", text, error)
            return self.ledger.out / output_folder.LOGS

    def pump_evaluations(self, wait: float = 0.0) -> None:
        """Start what evaluations may start and take in what has ended.

        Args:
            wait: seconds to wait for one to end.
        """
        while found := self.schedule.start_part():
            evaluation, part = found
            job = self.evaluations[evaluation.id]
            if evaluation.id not in self.left:
                self.left[evaluation.id] = len(job.parts)
                self.listener.on_evaluation_started(evaluation)
            self.parts[self._evaluate.remote(job, part, self.storage)] = found
        if under_way := [*self.parts, *self.gathering]:
            ended, _ = ray.wait(under_way, num_returns=1, timeout=wait)
            for reference in ended:
                self._take(reference)

    def _take(self, reference: Any) -> None:
        """Take in the end of a part, or of an evaluation as a whole."""
        evaluation, part = self.parts.pop(reference, None) or (self.gathering.pop(reference), None)
        if part is not None:
            self.schedule.end_part(evaluation, part)
        if evaluation.id in self.schedule.failed:
            return
        try:
            ray.get(reference)
            if part is None:
                self._finish_evaluation(evaluation)
                return
        except Exception as error:  # noqa: BLE001 - whatever one evaluation dies of, the others go on
            file = self._write_failure(evaluation.id, _told(error))
            self.schedule.fail(evaluation.id)
            self.listener.on_evaluation_failed(evaluation, file)
            return
        self.left[evaluation.id] -= 1
        if not self.left[evaluation.id]:
            gathered = self._gather.remote(self.evaluations[evaluation.id], evaluation, self.storage)
            self.gathering[gathered] = evaluation

    def _finish_evaluation(self, evaluation: Evaluation) -> None:
        self.ledger.bring("evaluation", evaluation.id)
        pictures.bring(self.ledger.storage, evaluation.id)
        self._tidy(output_folder.parts(evaluation.id))
        self.schedule.finish(evaluation.id)
        self.listener.on_evaluation_finished(evaluation, self.ledger.read_evaluation(evaluation.id))


def _told(error: Exception) -> str:
    """Return a problem as it tells itself, from a worker too; any other error with its traceback."""
    cause = getattr(error, "cause", None) or error
    if isinstance(cause, ProblemError | WeightsError):
        return str(cause)
    return "".join(traceback.format_exception(error))


class _NotSaved:
    """Tune pickles what it is given, to restore an experiment from; the ledger is what we go on from."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class _Searcher(_NotSaved, Searcher):
    """Hands Tune one training at a time, when it is ready and there is room for it."""

    def __init__(self, sweep: Sweep) -> None:
        super().__init__()
        self.sweep = sweep

    def suggest(self, trial_id: str) -> Any:
        """Hand out a training, None to be asked again, or the word that there is none left."""
        del trial_id
        # While no trial runs, Tune asks this and nothing else, and evaluations would never end.
        self.sweep.pump_evaluations()
        training = self.sweep.start_training()
        if training:
            return {"training": training.id}
        return Searcher.FINISHED if self.sweep.schedule.no_more_trainings() else None

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Do nothing: the callback below hears of it with more detail."""

    def save(self, checkpoint_path: str) -> None:
        """Do nothing: see `_NotSaved`."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: see `_NotSaved`."""


class _Callback(_NotSaved, tune.Callback):
    """Tells the sweep what Tune hears from its trials."""

    def __init__(self, sweep: Sweep) -> None:
        self.sweep = sweep

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        self.sweep.pump_evaluations()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict, **info: Any
    ) -> None:
        if result.get("rows"):
            self.sweep.progress(self._training(trial), result["rows"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        training = self._training(trial)
        summary = trial.last_result.get("summary")
        if summary is None:
            self.sweep.fail_training(training, "The trial ended without a summary; see the log.")
            return
        self.sweep.finish_training(training, summary)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        file = trial.error_file and Path(trial.error_file)
        text = (
            file.read_text(encoding="utf-8")
            if file and file.exists()
            else "Ray Tune gives no reason; see the log."
        )
        self.sweep.fail_training(self._training(trial), text)

    def _training(self, trial: Any) -> Training:
        return self.sweep.schedule.plan.trainings[trial.config["training"]]
