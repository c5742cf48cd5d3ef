"""What happens while a grid runs, told by the driver to whoever listens: the terminal, MLflow, a test."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from grid.plan import Evaluation, Row, Training
from grid.results.unit_results import EvaluationResult


class Listener:
    """Hears of everything and reacts to nothing: override what matters.

    Listeners are called from the driver's one thread and must return at once.
    """

    def on_phase(self, text: str) -> None:
        """Hear that the driver turns to something that takes a while, such as indexing a corpus."""

    def on_todo(self, units: Collection[str]) -> None:
        """Hear which units are to be done, among them what was done before and is made again."""

    def on_training_started(self, training: Training) -> None:
        """Hear that a training begins, or goes on from its last checkpoint."""

    def on_training_progress(
        self, training: Training, step: int, total: int, losses: Mapping[str, float], rows: Iterable[Row]
    ) -> None:
        """Hear how far a training is.

        Args:
            training: which one.
            step: iterations done, counted from 1.
            total: iterations of the whole training.
            losses: what to show now, by short name, such as {"loss": 1.2, "KLD": 0.9}.
            rows: the points of its curves that are new since the last call.
        """

    def on_training_finished(
        self, training: Training, summary: Mapping[str, Any], curve: Iterable[Row]
    ) -> None:
        """Hear that a training is in the ledger, with its summary and its whole curve."""

    def on_training_failed(self, training: Training, error_file: Path) -> None:
        """Hear that a training has failed for good; the file says why."""

    def on_training_stopped(self, training: Training, where: str) -> None:
        """Hear that a training was stopped as hopeless, where, in words; its tests will not come either."""

    def on_evaluation_started(self, evaluation: Evaluation) -> None:
        """Hear that an evaluation begins."""

    def on_evaluation_finished(self, evaluation: Evaluation, result: EvaluationResult) -> None:
        """Hear that an evaluation is in the ledger."""

    def on_evaluation_failed(self, evaluation: Evaluation, error_file: Path) -> None:
        """Hear that an evaluation has failed for good; the file says why."""

    def on_interrupted(self, unit: Training | Evaluation, why: str) -> None:
        """Hear that a unit has ended for this call without having failed."""


class Audience(Listener):
    """Several listeners addressed as one: `Audience(progress, tracker).on_phase("planning")`."""

    def __init__(self, *listeners: Listener) -> None:
        self.listeners = listeners
        for event in vars(Listener):
            if event.startswith("on_"):
                setattr(self, event, partial(self._tell, event))

    def _tell(self, event: str, *told: Any, **named: Any) -> None:
        for listener in self.listeners:
            getattr(listener, event)(*told, **named)
