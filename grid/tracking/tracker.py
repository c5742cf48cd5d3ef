"""A grid's story in MLflow: one parent run per grid, one child per training and per cell.

Written by the driver alone, from one background thread, so that creating a store (seconds) overlaps with
the start of Ray and no call holds up the sweep. MLflow is a view: the ledger's Parquet files are the truth,
and whatever MLflow missed is logged from them by `Tracker.sync`. No failure of MLflow reaches the grid.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grid.events import Listener, Row
from grid.tracking.background import Background
from grid.tracking.runs import PARENT_TAG, Run, RunStore, flatten
from grid.tracking.views import COLOURS, OTHER_COLOUR, axes, corpora_of, metric_name, view_route, view_tag
from manifests.check import Problem, ProblemError

if TYPE_CHECKING:
    from grid.plan import Cell, Evaluation, Plan, Training
    from grid.results import EvaluationResult, Ledger, TrainingResult

EXPERIMENT = "hd2s-grid"
_NOTE_LENGTH = 8000  # MLflow's limit on a tag


class Tracker(Listener):
    """Logs a grid to MLflow.

    Args:
        uri: an MLflow tracking URI; None for a SQLite store of the output folder's own.
        out: the output folder, shared by all grids.
        grid: the grid's name: its parent run is found again by it.
        experiment: the MLflow experiment; a demo deserves one of its own on a server that others use.
    """

    def __init__(self, uri: str | None, out: Path, grid: str, experiment: str = EXPERIMENT) -> None:
        out = out.resolve()
        out.mkdir(parents=True, exist_ok=True)
        self.uri = uri or f"sqlite:///{out / 'mlflow.db'}"
        self.grid = grid
        # A server decides itself where artifacts go; a bare store would put them into the current folder.
        artifacts = None if self.uri.startswith("http") else out / "mlflow-artifacts"
        self._open = lambda: RunStore(self.uri, experiment, artifacts)
        self._opened: RunStore | None = None
        self._plan: Plan | None = None
        self._digests: dict[str, str] = {}
        self._background = Background("grid.tracking", self._doubt)
        self._background.later(lambda: self._store)

    def require(self) -> None:
        """Wait until MLflow has answered; ProblemError if it does not."""
        self._background.wait()
        if self._opened is None:
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
        self._plan, self._digests = plan, dict(digests)
        self._background.later(self._start_grid, dict(config))

    def on_training_started(self, training: Training) -> None:
        """Open the training's run."""
        self._background.later(self._training_run, training)

    def on_training_progress(
        self, training: Training, step: int, total: int, losses: Mapping[str, float], rows: Iterable[Row]
    ) -> None:
        """Add the new points to the training's curves."""
        self._background.later(self._log_curve, training, list(rows))

    def on_training_finished(
        self, training: Training, summary: Mapping[str, Any], curve: Iterable[Row]
    ) -> None:
        """Complete and end the training's run."""
        self._background.later(self._finish_training, training, dict(summary), list(curve))

    def on_training_failed(self, training: Training, error_file: Path) -> None:
        """End the training's run as failed, with its error."""
        self._background.later(lambda: self._fail(self._training_run(training), error_file))

    def on_evaluation_finished(self, evaluation: Evaluation, result: EvaluationResult) -> None:
        """Log every cell that shows this evaluation."""
        for cell in self._cells_of(evaluation):
            self._background.later(self._finish_cell, cell, result)

    def on_evaluation_failed(self, evaluation: Evaluation, error_file: Path) -> None:
        """Log every cell that should have shown this evaluation as failed."""
        for cell in self._cells_of(evaluation):
            self._background.later(lambda cell=cell: self._fail(self._cell_run(cell), error_file))

    def sync(self, plan: Plan, ledger: Ledger) -> None:
        """Log what the ledger holds and MLflow does not, because it was away or joined late."""
        self._plan = plan
        self._background.resume()
        for training in plan.trainings.values():
            self._background.later(self._sync_training, training, ledger)
        for cell in plan.cells:
            self._background.later(self._sync_cell, cell, ledger)

    def finish_grid(self, status: str, tables: Iterable[Path]) -> None:
        """End the grid's run, with its tables as artifacts and note; wait until everything is logged.

        Args:
            status: FINISHED, FAILED (some cell has no value) or KILLED (interrupted), as MLflow calls them.
            tables: the compiled tables, in every format.
        """
        self._background.later(self._finish_grid, status, list(tables))
        self._background.wait()

    def link(self, table: str) -> str:
        """Give the address of a table's prepared view; "" if MLflow never answered.

        Waits for what has been asked of MLflow so far.
        """
        self._background.wait()
        server = self.uri.rstrip("/") if self.uri.startswith("http") else "http://127.0.0.1:5000"
        return server + view_route(self._opened.experiment_id, self.grid, table) if self._opened else ""

    @property
    def serve_command(self) -> str:
        """What opens an embedded store in a browser; "" for a server."""
        if self.uri.startswith("http"):
            return ""
        return f"mlflow server --host 127.0.0.1 --port 5000 --workers 1 --backend-store-uri {self.uri}"

    @property
    def problems(self) -> list[str]:
        """What went wrong, in a line or two for the end of the run. Ask after `finish_grid`."""
        if not self._background.missed:
            return []
        reasons = "; ".join(self._background.reasons)
        return [
            f"MLflow at {self.uri}: {self._background.missed} entries failed or were left out ({reasons}). "
            "Results are safe in Parquet; `python -m grid sync`, or the same command again, adds the rest."
        ]

    def close(self) -> None:
        """Stop the thread, after what has been asked of it."""
        self._background.close()

    # From here on everything runs on the one thread.

    def _doubt(self) -> None:
        # A call may have arrived although its answer did not: what there is must be read again.
        self._opened = None

    @property
    def _store(self) -> RunStore:
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def _start_grid(self, config: dict[str, Any]) -> None:
        parent = self._parent()
        self._store.client.log_dict(parent.run_id, config, "config.json")
        for corpus, digest in self._digests.items():
            self._store.tag(parent, f"digest.{corpus}", digest)
        for table in self._plan.tables:
            self._store.tag_experiment(*view_tag(self.grid, table, int(time.time() * 1000)))

    def _parent(self) -> Run:
        known = self._store.runs.get(self.grid)
        if known and known.status == "RUNNING":
            return known
        tables = ", ".join(table.name for table in self._plan.tables)
        return self._store.ensure(
            self.grid, self.grid, {"kind": "grid", "grid": self.grid, "table": tables}, {}
        )

    def _training_run(self, training: Training) -> Run:
        tables = dict.fromkeys(cell.table for cell in self._plan.cells if cell.training == training.id)
        place = axes(training)
        tags = {**self._child_tags("training", training.approach), "table": ", ".join(tables), **place}
        params = {**flatten(training.spec), **place, "parent": training.parent}
        params |= {f"digest.{corpus}": self._digests.get(corpus) for corpus in corpora_of(training)}
        new = training.id not in self._store.runs
        run = self._store.ensure(training.id, training.label, tags, params)
        if new:
            roles = {corpus: "source" for corpus in training.sources}
            self._name_datasets(run, ({training.target: "target"} if training.target else {}) | roles)
        return run

    def _cell_run(self, cell: Cell) -> Run:
        place = {**axes(cell), "test": cell.test}
        tags = {**self._child_tags("cell", cell.approach), "table": cell.table, **place}
        tags |= {"cell": f"{self.grid}/{cell.id}", "training": cell.training, "evaluation": cell.evaluation}
        name = self._cell_name(cell)
        new = name not in self._store.runs
        params = {**flatten(self._plan.evaluations[cell.evaluation].spec), **place}
        label = f"{place['source']} → {cell.test}, {cell.approach}"
        run = self._store.ensure(name, label, tags, params)
        if new:
            self._name_datasets(run, {cell.test: "test"})
        return run

    def _child_tags(self, kind: str, approach: str) -> dict[str, str]:
        colour = COLOURS.get(approach, OTHER_COLOUR)
        return {PARENT_TAG: self._parent().run_id, "kind": kind, "grid": self.grid, "mlflow.runColor": colour}

    def _name_datasets(self, run: Run, roles: Mapping[str, str]) -> None:
        known = [
            (corpus, self._digests[corpus], role) for corpus, role in roles.items() if corpus in self._digests
        ]
        self._store.name_datasets(run, known)

    def _log_curve(self, training: Training, rows: list[Row]) -> None:
        run = self._store.runs.get(training.id)
        if run is None or run.status != "RUNNING":
            run = self._training_run(training)
        self._store.log(run, rows)

    def _finish_training(self, training: Training, summary: dict[str, Any], curve: list[Row]) -> None:
        run = self._training_run(training)
        self._store.log(run, [*curve, *_numbers("training", summary)])
        if "checkpoint" in summary:
            self._store.tag(run, "checkpoint", str(summary["checkpoint"]))
        self._store.finish(run, "FINISHED")

    def _cell_name(self, cell: Cell) -> str:
        return f"{self.grid}/{cell.id}@{cell.evaluation}"

    def _finish_cell(self, cell: Cell, result: EvaluationResult) -> None:
        run = self._cell_run(cell)
        by_metric = {metric_name(metric): value for metric, value in result.scores.items()}
        by_video = {f"test_per_video/{metric}": value for metric, value in result.per_video.items()}
        counts = {"test_size/frames": result.n_frames, "test_size/clips": result.n_clips}
        rows = ({"step": 0, "name": k, "value": v} for k, v in {**by_metric, **by_video, **counts}.items())
        self._store.log(run, rows)
        self._store.finish(run, "FINISHED")
        self._show_in_tables(cell)

    def _show_in_tables(self, cell: Cell) -> None:
        """Let a cell be this run alone: one of earlier settings leaves the views, but stays in the store."""
        place = f"{self.grid}/{cell.id}"
        for name, run in self._store.runs.items():
            if run.tags.get("cell") == place:
                self._store.tag(run, "kind", "cell" if name == self._cell_name(cell) else "superseded cell")

    def _fail(self, run: Run, error_file: Path) -> None:
        self._store.tag(run, "error", str(error_file))
        if error_file.is_file():
            self._store.client.log_artifact(run.run_id, str(error_file))
        self._store.finish(run, "FAILED")

    def _cells_of(self, evaluation: Evaluation) -> list[Cell]:
        return [cell for cell in self._plan.cells if cell.evaluation == evaluation.id]

    def _sync_training(self, training: Training, ledger: Ledger) -> None:
        run = self._store.runs.get(training.id)
        if run and run.complete:
            return
        result: TrainingResult | None = ledger.read_training(training.id)
        if result:
            self._finish_training(training, result.summary, result.curve)

    def _sync_cell(self, cell: Cell, ledger: Ledger) -> None:
        run = self._store.runs.get(self._cell_name(cell))
        if run and run.complete:
            self._show_in_tables(cell)
            return
        result: EvaluationResult | None = ledger.read_evaluation(cell.evaluation)
        if result:
            self._finish_cell(cell, result)

    def _finish_grid(self, status: str, tables: list[Path]) -> None:
        parent = self._parent()
        for table in tables:
            self._store.client.log_artifact(parent.run_id, str(table), "tables")
        note = "\n\n".join(table.read_text() for table in tables if table.suffix == ".md")
        if note:
            self._store.tag(parent, "mlflow.note.content", note[:_NOTE_LENGTH])
        for run in self._store.runs.values():
            if run.status == "RUNNING" and run.tags.get(PARENT_TAG) == parent.run_id:
                self._store.finish(run, "KILLED")
        self._store.finish(parent, status)


def _numbers(section: str, summary: Mapping[str, Any]) -> list[Row]:
    numbers = {key: value for key, value in summary.items() if isinstance(value, int | float)}
    return [{"step": 0, "name": f"{section}/{key}", "value": value} for key, value in numbers.items()]
