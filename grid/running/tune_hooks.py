"""What Ray Tune asks and tells of a grid's trainings: its search algorithm, its callback and its ASHA.

The rule is asked here, and not given to Tune, for two reasons. Tune's scheduler compares all trials of a
run, where only the points of one row are rivals. And its stop ends a trial wherever its training is: no state
would be saved, and where Ray Train has workers of its own nobody would give their share of the machine back.
So what is stopped hears of it from a file, saves a state and ends by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, TrialScheduler
from ray.tune.search import Searcher

from grid.plan import Plan, Rivals, Row, Training
from grid.results.ledger import Ledger
from grid.results.unit_results import Stopped
from grid.running.recorder import Recorder
from grid.running.schedule import Schedule

TIMES_TAKEN_BACK = 3
"""How often a training is handed out again at most, as another trial, that Ray has not begun."""
_VALIDATION, _TIME = "val/kld", "ticks"
# A whole training in the rule's time, which is counted in whole numbers: points may differ in iterations.
_TICKS = 10_000


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
        # It would not be asked again, for a training that comes back because its process had died.
        return Searcher.FINISHED if self._schedule.trainings_over() else None

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Do nothing: the callback below hears of it with more detail."""

    def save(self, checkpoint_path: str) -> None:
        """Do nothing: see `_NotSaved`."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing: see `_NotSaved`."""


class TrialCallback(_NotSaved, tune.Callback):
    """Records what Tune hears from its trials."""

    def __init__(self, schedule: Schedule, recorder: Recorder, meanwhile: Callable[[], None]) -> None:
        self._schedule, self._trainings = schedule, schedule.plan.trainings
        self._recorder, self._meanwhile = recorder, meanwhile
        self._stopping = EarlyStopping(schedule.plan, recorder.ledger)
        self._begun: set[str] = set()  # trials
        self._taken_back: Counter[str] = Counter()  # trainings

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Note that a trial's process is there."""
        self._begun.add(trial.trial_id)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Let evaluations go on beside trainings."""
        self._meanwhile()

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict, **info: Any
    ) -> None:
        """Record how far a training is, and have it end if its validations say that it is hopeless."""
        if rows := result.get("rows"):
            training = self._training(trial)
            self._recorder.training_progressed(training, rows)
            if stopped := self._stopping.heard(training.id, rows):
                self._recorder.stop_asked(training, stopped)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Record a training that has ended."""
        training, told = self._training(trial), trial.last_result
        if "summary" in told:
            self._recorder.training_finished(training, told["summary"])
        elif "failure" in told:
            self._recorder.training_failed(training, told["failure"])
        elif "stopped" in told:
            self._recorder.training_stopped(training)
        else:
            why = told.get("interrupted", "The trial ended without a summary; see the log.")
            self._recorder.interrupted(training, why)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Record that a trial's own process has died too often: Ray's failure, and not the training's."""
        training = self._training(trial)
        # Tune tries again what has begun, but not what it gave a process that had died idle.
        if trial.trial_id not in self._begun and self._taken_back[training.id] < TIMES_TAKEN_BACK:
            self._taken_back[training.id] += 1
            self._schedule.take_back(training.id)
            return
        file = Path(trial.error_file) if trial.error_file else None
        told = file.read_text(encoding="utf-8") if file and file.exists() else ""
        lines = told.strip().splitlines()
        self._recorder.interrupted(training, lines[-1] if lines else "Ray gives no reason.")

    def _training(self, trial: Any) -> Training:
        return self._trainings[trial.config["training"]]


@dataclass(frozen=True)
class _Point:
    """What the rule asks of a trial: a name."""

    trial_id: str


@dataclass
class _Row:
    """The points of one row, and what the rule has heard of them."""

    rivals: Rivals
    known: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rule = ASHAScheduler(
            time_attr=_TIME,
            metric=_VALIDATION,
            mode="min",
            grace_period=max(1, round(self.rivals.asha.grace * _TICKS)),
            reduction_factor=self.rivals.asha.reduction,
            max_t=_TICKS,
            # The rule would stop what has reached its end, and what has passed a look before.
            stop_last_trials=False,
        )

    def is_hopeless(self, training: str, share: float, kld: float) -> bool:
        """Hear of a validation after a share of a training; say whether the rule would stop it."""
        point: Trial = _Point(training)  # type: ignore[assignment]
        if training not in self.known:
            self.known.add(training)
            self.rule.on_trial_add(None, point)  # type: ignore[arg-type]
        result = {_TIME: share * _TICKS, _VALIDATION: kld}
        return self.rule.on_trial_result(None, point, result) == TrialScheduler.STOP  # type: ignore[arg-type]


class EarlyStopping:
    """Says which trainings of a plan are to be stopped, as their validations come in.

    Args:
        plan: whose rivals are compared.
        ledger: what earlier runs have trained, or stopped, is compared with as well.
    """

    def __init__(self, plan: Plan, ledger: Ledger) -> None:
        self._plan = plan
        self._rows = [_Row(rivals) for rivals in plan.rivals]
        self._stopped: set[str] = set()
        for row in self._rows:
            for training in row.rivals.trainings:
                for step, kld in _known(ledger, training):
                    self._hear(row, training, step, kld)

    def heard(self, training: str, rows: Iterable[Row]) -> Stopped | None:
        """Take new rows of a training's curve; return where it is to be stopped, once, if it is hopeless."""
        found = None
        for step, kld in _validations(rows):
            for row in self._rows:
                hopeless = training in row.rivals.trainings and self._hear(row, training, step, kld)
                if hopeless and training in row.rivals.may_stop - self._stopped:
                    found = Stopped(step, self._plan.trainings[training].iterations, kld)
                    self._stopped.add(training)
        return found

    def _hear(self, row: _Row, training: str, step: int, kld: float) -> bool:
        iterations = self._plan.trainings[training].iterations
        # At its end there is nothing to stop.
        return 0 < step < iterations and row.is_hopeless(training, step / iterations, kld)


def _validations(rows: Iterable[Row]) -> list[tuple[int, float]]:
    return [(row["step"], row["value"]) for row in rows if row["name"] == _VALIDATION]


def _known(ledger: Ledger, training: str) -> list[tuple[int, float]]:
    if done := ledger.read_training(training):
        return _validations(done.curve)
    stopped = ledger.stops.of(training)
    return [(stopped.step, stopped.kld)] if stopped else []
