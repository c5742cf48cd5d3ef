"""Runs of one MLflow experiment, found by what they are instead of by MLflow's random ids."""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grid.plan import Row
from grid.tracking.local_store import follow_the_folder, make_ready
from manifests.escaping import shell
from manifests.problem import Problem, ProblemError
from manifests.secrets import masked

PARENT_TAG = "mlflow.parentRunId"
MODEL_TAG = "logged_model"
"""Of a training's run: the id of the model that was logged of it."""
_NAME_TAG = "mlflow.runName"
NOTE_TAG = "mlflow.note.content"
"""The description of a run or an experiment."""
NOTE_BEGINS = "Prepared views"
"""How the description of an experiment begins that is ours to renew."""
_TABLES_TAG = "mlflow.loggedArtifacts"
# MLflow's own limits on one request; older servers refuse parameters over 500 characters.
_METRICS_AT_ONCE, _PARAMS_AT_ONCE, _PARAM_LENGTH = 1000, 100, 500
# MLflow's defaults let a dead server block each call for minutes. Set only where the user has not.
_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}

Says = tuple[()] | tuple[str] | tuple[str, str, str]
"""What a metric is said of: a model's id, and the data's name and digest."""


@dataclass
class Run:
    """What is known of a run: enough to add to it what it lacks."""

    run_id: str
    status: str
    tags: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)  # the last value of each
    # (name, step) of every point logged; None until a run of an earlier invocation is read back.
    points: set[tuple[str, int]] | None = None
    non_finite: set[tuple[str, int]] = field(default_factory=set)

    @property
    def label(self) -> str:
        """Its name in the interface."""
        return self.tags.get(_NAME_TAG, "")

    @property
    def complete(self) -> bool:
        """Everything that it should hold has been logged: its status is set last."""
        return self.status == "FINISHED"


class RunStore:
    """An experiment's runs by their `id` tag. Every method may raise whatever MLflow raises.

    The experiment is created on first use. All its runs are read once, by one search.

    Args:
        uri: MLflow's tracking URI.
        experiment: the experiment's name.
        artifacts: where artifacts of a store without a server go; None leaves it to the server.
    """

    def __init__(self, uri: str, experiment: str, artifacts: Path | None) -> None:
        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        # Importing MLflow takes more than a second, which `--plan` and `--help` need not pay.
        from mlflow import MlflowClient  # noqa: PLC0415

        # Alembic tells of each of its steps when a new SQLite file gets its schema.
        logging.getLogger("alembic").setLevel(logging.ERROR)
        make_ready(uri)
        if artifacts:
            follow_the_folder(uri, artifacts)
        self.client = MlflowClient(tracking_uri=uri)
        found = self.client.get_experiment_by_name(experiment)
        if found is None:
            location = artifacts.as_uri() if artifacts else None
            found = self.client.get_experiment(self.client.create_experiment(experiment, location))
        if found.lifecycle_stage == "deleted":
            expected, where = "an experiment that takes runs", f"MLflow experiment {experiment}"
            command = f"mlflow experiments restore --experiment-id {found.experiment_id}"
            remedy = f"Bring it back: MLFLOW_TRACKING_URI={shell([uri])} {command}"
            raise ProblemError(Problem(where, expected, "a deleted one", remedy))
        self.experiment_id: str = found.experiment_id
        self.experiment_tags: dict[str, str] = dict(found.tags)
        self.runs = self._search()

    def _search(self) -> dict[str, Run]:
        runs: dict[str, Run] = {}
        token = None
        while True:
            page = self.client.search_runs([self.experiment_id], max_results=1000, page_token=token)
            for run in page:
                data, info = run.data, run.info
                if name := data.tags.get("id"):
                    runs[name] = Run(
                        info.run_id,
                        info.status,
                        dict(data.tags),
                        dict(data.params),
                        dict(data.metrics),
                    )
            token = page.token
            if not token:
                return runs

    def ensure(self, name: str, label: str, tags: Mapping[str, str], params: Mapping[str, Any]) -> Run:
        """Make or find the run whose `id` tag is `name`; it is running then, with all of `params`."""
        run = self.runs.get(name)
        if run is None:
            tags = {**tags, "id": name}
            created = self.client.create_run(self.experiment_id, tags=tags, run_name=label)
            known = {**tags, _NAME_TAG: label}
            run = self.runs[name] = Run(created.info.run_id, "RUNNING", known, points=set())
        elif run.status != "RUNNING":
            self.client.update_run(run.run_id, status="RUNNING")
            run.status = "RUNNING"
        self._add_params(run, params)
        return run

    def _add_params(self, run: Run, params: Mapping[str, Any]) -> None:
        from mlflow.entities import Param  # noqa: PLC0415

        # MLflow refuses to change a parameter, so one that is there stays as it was first logged.
        lacking = {
            key: masked(text(value))[:_PARAM_LENGTH] for key, value in params.items() if key not in run.params
        }
        for chunk in _chunks([Param(*item) for item in lacking.items()], _PARAMS_AT_ONCE):
            self.client.log_batch(run.run_id, params=chunk)
        run.params.update(lacking)

    def log(self, run: Run, rows: Iterable[Row], says: Says = ()) -> None:
        """Add the points that the run lacks; NaN and infinities are counted in the tag `non_finite` instead.

        A training that goes on from its last checkpoint reports some steps twice: the first stays.

        Args:
            run: which one.
            rows: the points.
            says: the model and the data that they are said of, beside the run.
        """
        from mlflow.entities import Metric  # noqa: PLC0415

        known = self._points(run)
        now = int(time.time() * 1000)
        fresh: dict[tuple[str, int], Metric] = {}
        for row in rows:
            point = (row["name"], int(row["step"]))
            if point in known:
                continue
            if math.isfinite(row["value"]):
                fresh.setdefault(point, Metric(row["name"], float(row["value"]), now, point[1], *says))
            else:
                run.non_finite.add(point)
        for chunk in _chunks(list(fresh.values()), _METRICS_AT_ONCE):
            self.client.log_batch(run.run_id, metrics=chunk)
            known.update((metric.key, metric.step) for metric in chunk)
            run.metrics |= {metric.key: metric.value for metric in chunk}
        if run.non_finite:
            self.tag(run, "non_finite", str(len(run.non_finite)))

    def said_of(self, training: str, corpus: str, digest: str | None) -> Says:
        """Return the model that scores are of, if it was logged, and the data that they are on.

        Args:
            training: whose model it is.
            corpus: that it was tested on.
            digest: of the corpus' manifest, if that is known.
        """
        run = self.runs.get(training)
        model = run.tags.get(MODEL_TAG) if run else None
        if not model:
            return ()
        return (model, *dataset_of(corpus, digest)) if digest else (model,)

    def log_latest(self, run: Run, values: Mapping[str, float]) -> None:
        """Log values that may change with what is done beside the run; those that are the same stay."""
        for name, value in values.items():
            if math.isfinite(value) and run.metrics.get(name) != value:
                self.client.log_metric(run.run_id, name, value, step=0)
                run.metrics[name] = value

    def _points(self, run: Run) -> set[tuple[str, int]]:
        if run.points is None:
            histories = {name: self.client.get_metric_history(run.run_id, name) for name in run.metrics}
            run.points = {(name, point.step) for name, points in histories.items() for point in points}
        return run.points

    def tag(self, run: Run, key: str, value: str) -> None:
        """Set a tag, unless it has this value already."""
        value = masked(value)
        if run.tags.get(key) != value:
            self.client.set_tag(run.run_id, key, value)
            run.tags[key] = value

    def untag(self, run: Run, key: str) -> None:
        """Take a tag away, if it is there."""
        if run.tags.pop(key, None) is not None:
            self.client.delete_tag(run.run_id, key)

    def log_table(self, run: Run, rows: list[Mapping[str, Any]], file: str) -> None:
        """Put a table where MLflow's interface shows it, in place of an earlier one.

        It becomes what `MlflowClient.log_table` writes, which would append to what is there: a table is
        compiled anew whenever its grid is run.

        Args:
            run: which one.
            rows: of the table, with equal keys.
            file: its name among the run's artifacts, ending in .json.
        """
        columns = list(rows[0]) if rows else []
        content = {"columns": columns, "data": [[row[column] for column in columns] for row in rows]}
        self.client.log_text(run.run_id, json.dumps(content), file)
        shown = json.loads(run.tags.get(_TABLES_TAG, "[]"))
        entry = {"path": file, "type": "table"}
        self.tag(run, _TABLES_TAG, json.dumps(shown if entry in shown else [*shown, entry]))

    def log_picture(self, run: Run, file: Path, key: str) -> None:
        """Log an image that charts show beside those of other runs with the same key."""
        from PIL import Image  # noqa: PLC0415

        with Image.open(file) as image:
            self.client.log_image(run.run_id, image, key=key)

    def name_datasets(self, run: Run, datasets: Iterable[tuple[str, str, str]]) -> None:
        """Say which data a run has seen.

        Args:
            run: which one.
            datasets: (corpus, manifest digest, role) of each.
        """
        from mlflow.entities import Dataset, DatasetInput, InputTag  # noqa: PLC0415

        inputs = []
        for corpus, digest, role in datasets:
            source = json.dumps({"corpus": corpus, "digest": digest})
            dataset = Dataset(*dataset_of(corpus, digest), "manifest", source)
            inputs.append(DatasetInput(dataset, [InputTag("mlflow.data.context", role)]))
        self.client.log_inputs(run.run_id, inputs)

    def delete(self, name: str) -> None:
        """Delete the run whose `id` tag is `name`."""
        self.client.delete_run(self.runs.pop(name).run_id)

    def finish(self, run: Run, status: str) -> None:
        """End a run as FINISHED, FAILED or KILLED. Comes last: a finished run is never touched again."""
        self.client.set_terminated(run.run_id, status)
        run.status, run.points = status, None

    def describe_experiment(self, note: str) -> None:
        """Set the experiment's description, unless somebody has written another one."""
        there = self.experiment_tags.get(NOTE_TAG, "")
        if there != note and (not there or there.startswith(NOTE_BEGINS)):
            self.client.set_experiment_tag(self.experiment_id, NOTE_TAG, note)
            self.experiment_tags[NOTE_TAG] = note

    def address(self, run: Run) -> str:
        """Where the interface shows a run, as a link from one of its pages."""
        return f"#/experiments/{self.experiment_id}/runs/{run.run_id}"

    def tag_experiment(self, key: str, value: str) -> None:
        """Set an experiment's tag, unless it has this value already."""
        if self.experiment_tags.get(key) != value:
            self.client.set_experiment_tag(self.experiment_id, key, value)
            self.experiment_tags[key] = value


def dataset_of(corpus: str, digest: str) -> tuple[str, str]:
    """Return how MLflow calls a corpus: it keeps 36 characters of a digest."""
    return corpus, digest[:36]


def text(value: Any) -> str:
    """Put a parameter's value as MLflow shall show it."""
    if value is None:
        return "none"
    return json.dumps(value) if isinstance(value, list | tuple) else str(value)


def _chunks(items: list, size: int) -> Iterable[list]:
    return (items[start : start + size] for start in range(0, len(items), size))
