"""What Ray Tune asks and tells of a grid's trainings: its search algorithm and its callback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.search import Searcher

from grid.plan import Training
from grid.running.recorder import Recorder
from grid.running.schedule import Schedule


class _NotSaved:
    """Tune pickles what it is given, to restore an experiment from; the ledger is what we go on from."""

    def __getstate__(self) -> dict[str, Any]:
        return {}


class TrainingSearcher(_NotSaved, Searcher):
    """Hands Tune one training at a time, when it is ready and there is room for it."""

    def __init__(self, schedule: Schedule, recorder: Recorder, meanwhile: Callable[[], None]) -> None:
        super().__init__()
        self._schedule, self._recorder, self._meanwhile = schedule, recorder, meanwhile

    # Tune's own searchers return the word too, of which its types say nothing.
    def suggest(self, trial_id: str) -> dict[str, str] | str | None:  # type: ignore[override]
        """Hand out a training, None to be asked again, or the word that there is none left."""
        del trial_id
        # While no trial runs, Tune asks this and nothing else, and evaluations would never end.
        self._meanwhile()
        training = self._schedule.start_training()
        if training:
            self._recorder.training_started(training)
            return {"training": training.id}
        return Searcher.FINISHED if self._schedule.no_more_trainings() else None

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Do nothing: the callback below hears of it with more detail."""

    def save(self, checkpoint_path: str) -> None:
        """Do nothing: see `_NotSaved`."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: see `_NotSaved`."""


class TrialCallback(_NotSaved, tune.Callback):
    """Records what Tune hears from its trials."""

    def __init__(self, schedule: Schedule, recorder: Recorder, meanwhile: Callable[[], None]) -> None:
        self._trainings = schedule.plan.trainings
        self._recorder, self._meanwhile = recorder, meanwhile

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Let evaluations go on beside trainings."""
        self._meanwhile()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict, **info: Any
    ) -> None:
        """Record how far a training is."""
        if result.get("rows"):
            self._recorder.training_progressed(self._training(trial), result["rows"])

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Record a training that has ended."""
        training, told = self._training(trial), trial.last_result
        if "summary" in told:
            self._recorder.training_finished(training, told["summary"])
        elif "failure" in told:
            self._recorder.training_failed(training, told["failure"])
        else:
            why = told.get("interrupted", "The trial ended without a summary; see the log.")
            self._recorder.interrupted(training, why)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Record that a trial's own process has died too often: Ray's failure, and not the training's."""
        file = Path(trial.error_file) if trial.error_file else None
        told = file.read_text(encoding="utf-8") if file and file.exists() else ""
        lines = told.strip().splitlines()
        self._recorder.interrupted(self._training(trial), lines[-1] if lines else "Ray gives no reason.")

    def _training(self, trial: Any) -> Training:
        return self._trainings[trial.config["training"]]
