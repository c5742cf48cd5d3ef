"""What becomes of a grid's units, written where it must be known: the ledger, the schedule, and listeners."""

from __future__ import annotations

import logging
import traceback
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from grid.evaluation import pictures
from grid.plan import Evaluation, Row, Training
from grid.results import output_folder
from grid.results.failures import account, consequence
from grid.results.ledger import Ledger
from grid.results.unit_results import Stopped
from grid.running.events import Listener
from grid.running.schedule import Schedule
from hd2s.weights.checkpoints import WeightsError
from manifests.problem import ProblemError
from manifests.secrets import masked

_LOG = logging.getLogger(__name__)
_ROWS_IN_AN_ACCOUNT = 60


class Recorder:
    """Records every start, step and end of a unit.

    Args:
        schedule: hears what has ended, and says what is lost with it.
        ledger: where results and failures go.
        listener: hears of everything, once it is recorded.
    """

    def __init__(self, schedule: Schedule, ledger: Ledger, listener: Listener) -> None:
        self.schedule, self.ledger, self.listener = schedule, ledger, listener
        # The end of each training's curve, for the account of a failure.
        self._curves: dict[str, deque[Row]] = {}
        # Label of a unit → why it ended neither well nor by a failure of its own.
        self.reasons: dict[str, str] = {}

    def training_started(self, training: Training) -> None:
        """Record that a training begins."""
        self.listener.on_training_started(training)

    def training_progressed(self, training: Training, rows: list[Row]) -> None:
        """Record new rows of a training's curve."""
        self._curves.setdefault(training.id, deque(maxlen=_ROWS_IN_AN_ACCOUNT)).extend(rows)
        latest = {row["name"]: row["value"] for row in rows}
        terms = [value for name, value in latest.items() if name.startswith("train/")]
        losses = {"loss": sum(terms)} if terms else {}
        if "val/kld" in latest:
            losses["val KLD"] = latest["val/kld"]
        self.listener.on_training_progress(training, rows[-1]["step"], training.iterations, losses, rows)

    def training_finished(self, training: Training, outcome: dict[str, Any]) -> None:
        """Record a training that has ended well; its states are not needed any more.

        Args:
            training: the unit.
            outcome: its summary, with its curve.
        """
        # Clips and likeness, with the seconds: what others of its kind will take (`grid.commands.measured`).
        measured = {"clips": training.clips, "likeness": training.likeness}
        summary = {**outcome, **measured, "checkpoint": output_folder.checkpoint(training.id)}
        for name, kept in summary.get("kept", {}).items():
            kept["checkpoint"] = output_folder.checkpoint(training.id, name)
        curve = summary.pop("curve")
        try:
            # It may have ended before it heard that it was to be stopped.
            self.ledger.stops.clear(training.id)
            self.ledger.write_training(training, curve, summary)
        except OSError as error:
            # The training is no worse for it: its states are there, or its result is, which the storage gets.
            self.interrupted(training, f"its result cannot be kept: {error}")
            return
        except Exception as error:  # noqa: BLE001 - one training's result must not stop the others
            self.training_failed(training, _wording(error))
            return
        self._tidy(output_folder.states(training.id))
        self.schedule.finish(training.id)
        self.listener.on_training_finished(training, summary, curve)

    def stop_asked(self, training: Training, stopped: Stopped) -> None:
        """Write down where a training is stopped as hopeless: its workers look for that, and then end it."""
        try:
            self.ledger.stops.write(training.id, stopped)
        except (ProblemError, OSError) as error:
            _LOG.error(
                "%s goes on, though it is hopeless: this cannot be written down: %s", training.id, error
            )

    def training_stopped(self, training: Training) -> None:
        """Record that a training has ended where it was stopped; it and its tests are left alone."""
        stopped = self.ledger.stops.of(training.id)
        self.schedule.fail(training.id)
        self.listener.on_training_stopped(training, stopped.words if stopped else "")

    def training_failed(self, training: Training, text: str) -> None:
        """Record that a training has failed for good, and with it all that needs it."""
        full = account(training, text, self._curves.get(training.id, ()))
        file = self._write_failure(training.id, full)
        self.listener.on_training_failed(training, file)
        self._retire(training, self.schedule.fail(training.id), text)

    def interrupted(self, unit: Training | Evaluation, why: str) -> None:
        """Record that a unit ended without a failure of its own: nothing is booked, the next call goes on.

        Args:
            unit: a training or an evaluation; with it ends what needs it, for this call.
            why: what it stood on that was lost, or exchanged.
        """
        why = masked(why)
        self.reasons[unit.label] = why
        self.schedule.fail(unit.id)
        self.listener.on_interrupted(unit, why)

    def leave_alone(self, unit: str) -> None:
        """Do not try again what failed in an earlier run, nor what needs it."""
        plan = self.schedule.plan
        lost = self.schedule.fail(unit)
        if unit in plan.trainings:
            failure = self.ledger.failure(unit)
            why = failure.read_text(encoding="utf-8", errors="replace") if failure else ""
            self._retire(plan.trainings[unit], lost, why)

    def evaluation_started(self, evaluation: Evaluation) -> None:
        """Record that an evaluation begins."""
        self.listener.on_evaluation_started(evaluation)

    def evaluation_finished(self, evaluation: Evaluation) -> None:
        """Record an evaluation whose result a worker has written; its parts are not needed any more.

        Raises:
            OSError: the storage does not answer, or has no such result.
        """
        self.ledger.bring("evaluation", evaluation.id)
        result = self.ledger.read_evaluation(evaluation.id)
        if result is None:
            raise OSError(f"{self.ledger.path('evaluation', evaluation.id)} cannot be read")
        pictures.bring(self.ledger.storage, evaluation.id)
        self._tidy(output_folder.parts(evaluation.id))
        self.schedule.finish(evaluation.id)
        self.listener.on_evaluation_finished(evaluation, result)

    def evaluation_failed(self, evaluation: Evaluation, error: Exception) -> None:
        """Record that an evaluation has failed for good."""
        file = self._write_failure(evaluation.id, _wording(error))
        self.schedule.fail(evaluation.id)
        self.listener.on_evaluation_failed(evaluation, file)

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

    def _tidy(self, name: str) -> None:
        """Remove what a result has made needless; a later run does it where the storage does not answer."""
        with suppress(OSError):
            self.ledger.storage.delete(name)


def _wording(error: Exception) -> str:
    """Return a problem as it tells itself, from a worker too; any other error with its traceback."""
    cause = getattr(error, "cause", None) or error
    if isinstance(cause, ProblemError | WeightsError):
        return str(cause)
    return "".join(traceback.format_exception(error))
