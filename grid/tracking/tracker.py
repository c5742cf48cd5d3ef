"""A grid's story in MLflow, told by the driver alone and without waiting.

It is written on one background thread, so that creating a store (seconds) overlaps with the start of Ray and
no call holds up the sweep. MLflow is a view: the ledger's Parquet files are the truth, and whatever MLflow
has missed is logged from them by `Tracker.sync`. No failure of MLflow reaches the grid.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from grid.plan import Cell, Evaluation, Plan, Row, Training
from grid.results import output_folder
from grid.results.ledger import Ledger
from grid.results.unit_results import EvaluationResult
from grid.running.events import Listener
from grid.tracking.background import Background
from grid.tracking.local_store import address_of
from grid.tracking.runs import RunStore
from grid.tracking.story import Story
from grid.tracking.views import view_route
from manifests.problem import Problem, ProblemError, counted
from manifests.secrets import has_credentials

EXPERIMENT = "hd2s-grid"


class Tracker(Listener):
    """Logs a grid to MLflow.

    Args:
        uri: an MLflow tracking URI; None for a SQLite store of the output folder's own.
        out: the output folder, shared by all grids.
        grid: the grid's name: its parent run is found again by it.
        experiment: the MLflow experiment; a demo deserves one of its own on a server that others use.
        models: how trainings' weights are logged, one of `grid.specs.settings_checks.MODELS`.

    Raises:
        ProblemError: the URI holds a password.
    """

    def __init__(
        self,
        uri: str | None,
        out: Path,
        grid: str,
        experiment: str = EXPERIMENT,
        *,
        models: str = "reference",
    ) -> None:
        if uri and has_credentials(uri):
            remedy = "Give them in the environment: MLFLOW_TRACKING_USERNAME and _PASSWORD, or _TOKEN."
            raise ProblemError(Problem("--tracking-uri", "an address without credentials", uri, remedy))
        out = out.resolve()
        out.mkdir(parents=True, exist_ok=True)
        self.uri = uri or address_of(out / output_folder.MLFLOW_STORE)
        self.grid = grid
        # A server decides itself where artifacts go; a bare store would put them into the current folder.
        artifacts = None if self.uri.startswith("http") else out / output_folder.MLFLOW_ARTIFACTS
        self._story = Story(lambda: RunStore(self.uri, experiment, artifacts), out, grid, models)
        self._background = Background("grid.tracking", self._story.doubt)
        self._background.later(lambda: self._story.store)

    def require(self) -> None:
        """Wait until MLflow has answered; ProblemError if it does not."""
        self._background.wait()
        if self._story.opened is None:
            self._background.close()
            remedy = (
                "Start it or correct the address. Or leave --tracking-uri out: runs are then kept in the"
                " output folder, and `python -m grid sync --tracking-uri URI` brings them to a server later."
            )
            found = "; ".join(self._background.reasons)
            raise ProblemError(Problem(f"--tracking-uri {self.uri}", "an MLflow server", found, remedy))

    # What the driver calls. Each returns at once, but for those that say that they wait.

    def start_grid(self, plan: Plan, config: Mapping[str, Any], digests: Mapping[str, str]) -> None:
        """Open the grid's parent run.

        Args:
            plan: the grid.
            config: its settings; nested mappings of plain values.
            digests: corpus -> its manifest's digest.
        """
        self._story.begin(plan, digests)
        self._background.later(self._story.start_grid, dict(config))

    def forget(self, units: Collection[str]) -> None:
        """Take away the runs of units that are made again."""
        self._background.later(self._story.forget, frozenset(units))

    def on_training_started(self, training: Training) -> None:
        """Open the training's run."""
        self._background.later(self._story.start_training, training)

    def on_training_progress(
        self, training: Training, step: int, total: int, losses: Mapping[str, float], rows: Iterable[Row]
    ) -> None:
        """Add the new points to the training's curves."""
        self._background.later(self._story.log_curve, training, list(rows))

    def on_training_finished(
        self, training: Training, summary: Mapping[str, Any], curve: Iterable[Row]
    ) -> None:
        """Complete and end the training's run."""
        self._background.later(self._story.finish_training, training, dict(summary), list(curve))
        self._background.later(self._story.log_model, training)

    def on_training_failed(self, training: Training, error_file: Path) -> None:
        """End the training's run as failed, with its error."""
        self._background.later(self._story.fail_training, training, error_file)

    def on_training_stopped(self, training: Training, where: str) -> None:
        """End the training's run as one that was stopped, with where."""
        self._background.later(self._story.stop_training, training, where)

    def on_evaluation_finished(self, evaluation: Evaluation, result: EvaluationResult) -> None:
        """Log every cell that shows this evaluation."""
        for cell in self._cells_of(evaluation):
            self._background.later(self._story.finish_cell, cell, result)
            self._background.later(self._story.log_pictures, cell)

    def on_evaluation_failed(self, evaluation: Evaluation, error_file: Path) -> None:
        """Log every cell that should have shown this evaluation as failed."""
        for cell in self._cells_of(evaluation):
            self._background.later(self._story.fail_cell, cell, error_file)

    def sync(self, plan: Plan, ledger: Ledger) -> None:
        """Log what the ledger holds and MLflow does not, because it was away or joined late."""
        self._background.resume()
        for training in plan.trainings.values():
            self._background.later(self._story.sync_training, training, ledger)
            self._background.later(self._story.log_model, training)
        for cell in plan.cells:
            self._background.later(self._story.sync_cell, cell, ledger)
            self._background.later(self._story.log_pictures, cell)

    def log_differences(self, differences: Mapping[str, Mapping[str, float]], ledger: Ledger) -> None:
        """Log how far cells lie from those that they are compared with: cell → metric → value."""
        self._background.later(self._story.log_differences, dict(differences), ledger)

    def log_summaries(self, summaries: Mapping[str, Mapping[str, float]]) -> None:
        """Log what rows say over their seeds: the first cell of each → name → value."""
        self._background.later(self._story.log_summaries, dict(summaries))

    def finish_grid(
        self, status: str, tables: Iterable[Path], report: Path | None = None, figures: Iterable[Path] = ()
    ) -> None:
        """End the grid's run, with its tables as artifacts and note; wait until everything is logged.

        Args:
            status: FINISHED, FAILED (some cell has no value) or KILLED (interrupted), as MLflow calls them.
            tables: the compiled tables, in every format.
            report: the grid's page, to which the experiment's description leads.
            figures: as they are drawn, in every format.
        """
        self._background.later(self._story.finish_grid, status, list(tables), report, list(figures))
        self._background.wait()

    def link(self, table: str) -> str:
        """Give the address of a table's prepared view; "" if MLflow never answered.

        Waits for what has been asked of MLflow so far.
        """
        self._background.wait()
        server = self.uri.rstrip("/") if self.uri.startswith("http") else "http://127.0.0.1:5000"
        opened = self._story.opened
        return server + view_route(opened.experiment_id, self.grid, table) if opened else ""

    @property
    def warnings(self) -> list[str]:
        """What went wrong, in a line or two for the end of the run. Ask after `finish_grid`."""
        if not self._background.missed:
            return []
        reasons = "; ".join(self._background.reasons)
        missed = counted(self._background.missed, "entry", "entries")
        return [
            f"MLflow at {self.uri}: {missed} failed or left out ({reasons}). "
            "Results are safe in Parquet; `python -m grid sync`, or the same command again, adds the rest."
        ]

    def close(self) -> None:
        """Stop the thread, after what has been asked of it."""
        self._background.close()

    def _cells_of(self, evaluation: Evaluation) -> list[Cell]:
        return [cell for cell in self._story.plan.cells if cell.evaluation == evaluation.id]
