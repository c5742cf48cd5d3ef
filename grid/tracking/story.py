"""A grid's story as it is written into MLflow: one run per grid, one below it per training and per cell.

Everything here talks to MLflow, takes its time and may raise; `grid.tracking.tracker` calls it on one thread.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from grid.evaluation import pictures
from grid.plan import Cell, Plan, Row, Training
from grid.results import output_folder
from grid.results.checks import require_weights
from grid.results.ledger import Ledger
from grid.results.unit_results import EvaluationResult
from grid.tracking.compiled import numbers, records_of, scored
from grid.tracking.describe import Description, describe_cell, describe_row, describe_training, row_name
from grid.tracking.models import log_model, predictor_options
from grid.tracking.rows import (
    PICTURES_OF_TAG,
    PICTURES_TAG,
    SUPERSEDED,
    TableRow,
    add_pictures,
    log_row,
    show_only,
)
from grid.tracking.runs import MODEL_TAG, NOTE_TAG, PARENT_TAG, Run, RunStore
from grid.tracking.views import REPORT_PREFIX, SELECTION, SUMMARY, description, difference_names, offer_views
from manifests.secrets import all_masked

_LONGEST_TAG = 8000
_STOPPED_TAG = "stopped"
_COMPARED = difference_names("")  # how names of metrics begin that compare a cell with another


class Story:
    """Writes a grid's runs.

    Args:
        open_store: opens MLflow's experiment.
        out: the output folder.
        grid: the grid's name: its run is found again by it.
        models: how trainings' weights are logged, one of `grid.specs.settings_checks.MODELS`.
    """

    plan: Plan

    def __init__(self, open_store: Callable[[], RunStore], out: Path, grid: str, models: str) -> None:
        self._open, self._out, self._grid, self._models = open_store, out, grid, models
        self._opened: RunStore | None = None
        self._digests: dict[str, str] = {}

    @property
    def opened(self) -> RunStore | None:
        """The experiment, if MLflow has answered."""
        return self._opened

    @property
    def store(self) -> RunStore:
        """The experiment."""
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def doubt(self) -> None:
        """Read again what there is: a call may have arrived although its answer did not."""
        self._opened = None

    def begin(self, plan: Plan, digests: Mapping[str, str]) -> None:
        """Take a plan, and the digests of the manifests that it reads."""
        self.plan, self._digests = plan, dict(digests)

    def start_grid(self, config: dict[str, Any]) -> None:
        """Open the grid's run, with its settings and the prepared views of its tables."""
        parent = self._parent()
        self.store.client.log_dict(parent.run_id, all_masked(config), "config.json")
        for corpus, digest in self._digests.items():
            self.store.tag(parent, f"digest.{corpus}", digest)
        offer_views(self.store, self._grid, self.plan)
        self._describe()

    def _describe(self) -> None:
        self.store.describe_experiment(description(self.store.experiment_id, self.store.experiment_tags))

    def start_training(self, training: Training) -> Run:
        """Open a training's run, or find it."""
        roles = {corpus: "source" for corpus in training.sources}
        roles = ({training.target: "target"} if training.target else {}) | roles
        described = describe_training(self.plan, training, self._digests)
        run = self._child(training.id, "training", described, roles)
        self.store.untag(run, _STOPPED_TAG)  # It goes on.
        return run

    def forget(self, units: Collection[str]) -> None:
        """Delete the runs of units that are made again, which MLflow keeps aside for a while."""
        names = {*units, *(self._cell_name(cell) for cell in self.plan.cells if cell.evaluation in units)}
        for name in names & self.store.runs.keys():
            self.store.delete(name)
        for run in self.store.runs.values():
            if run.tags.get(PICTURES_OF_TAG) in units:
                self.store.untag(run, PICTURES_OF_TAG)

    def log_curve(self, training: Training, rows: list[Row]) -> None:
        """Add the points that a training's run lacks."""
        run = self.store.runs.get(training.id)
        if run is None or run.status != "RUNNING":
            run = self.start_training(training)
        self.store.log(run, rows)

    def finish_training(self, training: Training, summary: dict[str, Any], curve: list[Row]) -> None:
        """Complete and end a training's run."""
        run = self.start_training(training)
        self.store.log(run, [*curve, *numbers("training", summary)])
        if "checkpoint" in summary:
            self.store.tag(run, "checkpoint", str(summary["checkpoint"]))
        if commit := (summary.get("code") or {}).get("commit"):
            self.store.tag(run, "commit", commit)
        self.store.finish(run, "FINISHED")

    def log_model(self, training: Training) -> None:
        """Log a training's weights as a model, unless that is not wanted, done, or they are not here."""
        run = self.store.runs.get(training.id)
        if self._models == "none" or run is None or not run.complete or MODEL_TAG in run.tags:
            return
        weights = self._out / run.tags.get("checkpoint", "")
        if weights.is_file():
            require_weights(weights, training.id)
            options = predictor_options(self.plan, training)
            copy = self._models == "copy"
            model = log_model(self.store, run, training, weights, options, copy=copy)
            self.store.tag(run, MODEL_TAG, model)

    def finish_cell(self, cell: Cell, result: EvaluationResult) -> None:
        """Log a cell's scores, and end its run."""
        run = self._cell_run(cell)
        values, noted = scored(result)
        training = self.store.runs.get(cell.training)
        if training and "training/best_kld" in training.metrics:
            values[SELECTION] = training.metrics["training/best_kld"]
        rows = [{"step": 0, "name": name, "value": value} for name, value in values.items()]
        self.store.log(run, rows, self.store.said_of(cell.training, cell.test, self._digests.get(cell.test)))
        for name, count in noted.items():
            self.store.tag(run, f"n_{name}", str(count))
        self.store.finish(run, "FINISHED")
        self._show_in_tables(cell)

    def log_differences(self, differences: Mapping[str, Mapping[str, float]], ledger: Ledger) -> None:
        """Log on each cell's run how far it lies from the cell that it is compared with.

        MLflow takes back no metric: one with a comparison that is made no more makes place for another.
        """
        for cell in self.plan.cells:
            name, said = self._cell_name(cell), differences.get(cell.id, {})
            said = {metric: value for metric, value in said.items() if math.isfinite(value)}
            known = run.metrics if (run := self.store.runs.get(name)) else {}
            before = {metric for metric in known if metric.startswith(_COMPARED)}
            if before - said.keys() and ledger.evaluation_done(cell.evaluation):
                self.store.delete(name)
                self.sync_cell(cell, ledger)
                self.log_pictures(cell)
            if (run := self.store.runs.get(name)) and run.complete:
                self.store.log_latest(run, said)

    def log_summaries(self, summaries: Mapping[str, Mapping[str, float]]) -> None:
        """Log what rows say over their seeds, and which runs those are; all others leave the views."""
        rows: dict[str, list[Cell]] = {}
        for cell in self.plan.cells:
            rows.setdefault(row_name(self._grid, cell), []).append(cell)
        for name, cells in rows.items():
            # The one that is shown of the first seed: of a sweep it need not be the first point.
            shown = next((cell for cell in cells if cell.id in summaries), cells[0])
            below = tuple(map(self._cell_name, cells))
            drawn = tuple(pictures.kept(self._out, shown.evaluation))
            row = TableRow(name, summaries.get(shown.id, {}), below, shown.evaluation, drawn)
            log_row(self.store, row, partial(self._row_run, shown))
        show_only(self.store, self._grid, {*rows, *map(self._cell_name, self.plan.cells)}, self._out)

    def log_pictures(self, cell: Cell) -> None:
        """Add what an evaluation has drawn to a cell's run, once."""
        run = self.store.runs.get(self._cell_name(cell))
        drawn = pictures.kept(self._out, cell.evaluation)
        if run and run.complete and drawn and PICTURES_TAG not in run.tags:
            add_pictures(self.store, run, tuple(drawn))

    def fail_training(self, training: Training, error_file: Path) -> None:
        """End a training's run as failed, with its error."""
        self._fail(self.start_training(training), error_file)

    def stop_training(self, training: Training, where: str) -> None:
        """End a training's run as stopped early as hopeless, with where."""
        known = self.store.runs.get(training.id)
        if known is None or _STOPPED_TAG not in known.tags:
            run = self.start_training(training)
            self.store.tag(run, _STOPPED_TAG, where)
            self.store.finish(run, "KILLED")

    def fail_cell(self, cell: Cell, error_file: Path) -> None:
        """End a cell's run as failed, with its evaluation's error."""
        self._fail(self._cell_run(cell), error_file)

    def sync_training(self, training: Training, ledger: Ledger) -> None:
        """Log a training that the ledger holds, unless its run is complete."""
        run = self.store.runs.get(training.id)
        if run and run.complete:
            return
        result = ledger.read_training(training.id)
        if result:
            self.finish_training(training, result.summary, result.curve)
        elif stopped := ledger.stops.of(training.id):
            self.stop_training(training, stopped.words)

    def sync_cell(self, cell: Cell, ledger: Ledger) -> None:
        """Log a cell that the ledger holds, unless its run is complete."""
        self._show_in_tables(cell)
        run = self.store.runs.get(self._cell_name(cell))
        if run and run.complete:
            return
        result = ledger.read_evaluation(cell.evaluation)
        if result:
            self.finish_cell(cell, result)

    def finish_grid(self, status: str, tables: list[Path], report: Path | None, figures: list[Path]) -> None:
        """End the grid's run, with its tables, page and figures; what runs below it is ended as killed."""
        parent = self._parent()
        for figure in figures:
            self.store.client.log_artifact(parent.run_id, str(figure), output_folder.FIGURES)
        if report:
            self.store.client.log_artifact(parent.run_id, str(report), output_folder.REPORTS)
            page = f"{self.store.address(parent)}/artifacts/{output_folder.report(self._grid)}"
            self.store.tag_experiment(f"{REPORT_PREFIX}{self._grid}", page)
            self._describe()
        for table in tables:
            self.store.client.log_artifact(parent.run_id, str(table), output_folder.TABLES)
            if table.suffix == ".csv":
                self.store.log_table(parent, records_of(table), f"{output_folder.TABLES}/{table.stem}.json")
        note = "\n\n".join(table.read_text(encoding="utf-8") for table in tables if table.suffix == ".md")
        if note:
            self.store.tag(parent, NOTE_TAG, note[:_LONGEST_TAG])
        for run in self.store.runs.values():
            if run.status == "RUNNING" and run is not parent and run.tags.get("grid") == self._grid:
                self.store.finish(run, "KILLED")
        self.store.finish(parent, status)

    def _parent(self) -> Run:
        known = self.store.runs.get(self._grid)
        if known and known.status == "RUNNING":
            return known
        tables = ", ".join(table.name for table in self.plan.tables)
        tags = {"kind": "grid", "grid": self._grid, "table": tables}
        return self.store.ensure(self._grid, self._grid, tags, {})

    def _child(
        self,
        name: str,
        kind: str,
        described: Description,
        roles: Mapping[str, str],
        parent: Run | None = None,
    ) -> Run:
        new = name not in self.store.runs
        above = parent or self._parent()
        tags = {PARENT_TAG: above.run_id, "kind": kind, "grid": self._grid, **described.tags}
        run = self.store.ensure(name, described.label, tags, described.params)
        if new:
            known = [(corpus, role) for corpus, role in roles.items() if corpus in self._digests]
            self.store.name_datasets(run, ((corpus, self._digests[corpus], role) for corpus, role in known))
        return run

    def _cell_run(self, cell: Cell) -> Run:
        described = describe_cell(self.plan, cell, self._place(cell))
        row = self.store.runs.get(row_name(self._grid, cell)) or self._row_run(cell)
        return self._child(self._cell_name(cell), "cell", described, {cell.test: "test"}, row)

    def _row_run(self, cell: Cell) -> Run:
        described = describe_row(self.plan, cell)
        return self._child(row_name(self._grid, cell), SUMMARY, described, {cell.test: "test"})

    def _place(self, cell: Cell) -> str:
        return f"{self._grid}/{cell.id}"

    def _cell_name(self, cell: Cell) -> str:
        return f"{self._place(cell)}@{cell.evaluation}"

    def _show_in_tables(self, cell: Cell) -> None:
        """Let a cell be this run alone: one of earlier settings leaves the views, but stays in the store."""
        for name, run in self.store.runs.items():
            if run.tags.get("cell") == self._place(cell):
                now = "cell" if name == self._cell_name(cell) else f"{SUPERSEDED}cell"
                self.store.tag(run, "kind", now)

    def _fail(self, run: Run, error_file: Path) -> None:
        self.store.tag(run, "error", str(error_file))
        if error_file.is_file():
            self.store.client.log_artifact(run.run_id, str(error_file))
        self.store.finish(run, "FAILED")
