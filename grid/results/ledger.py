"""The ledger: a Parquet file for each training and each evaluation that is done.

The files are the truth and everything else is a view of them. Each is written last and atomically, so that
its existence means done; one that cannot be read counts as not done and is reported.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from grid.plan import Cell, Evaluation, Plan, Row, Training
from grid.results import checks, output_folder
from grid.results.files import write_atomically, write_text
from grid.results.output_folder import Kind
from grid.results.storage import Storage
from grid.results.unit_results import CURVE_SCHEMA, EvaluationResult, Stops, TrainingResult, checkpoints
from manifests.parquet import seal, unseal
from manifests.problem import Problem, ProblemError

SCHEMA_VERSION = 1
"""Raised by hand whenever a column or a key of the metadata changes its name, type or meaning."""

Status = Literal["done", "failed", "stopped", "todo"]

_METADATA_KEY = b"grid"
_NOTHING: Mapping[str, str] = {}

# What colours a terminal, as Ray's tracebacks do.
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Ledger:
    """What is done, what failed and what is left to do, in one output folder that all grids share.

    With a storage elsewhere, the folder's files are what counts once they `agree` with it; what is written
    goes there too.

    Args:
        out: the output folder.
        storage: whose local side that is; left out where there is no other.
        may_stop: which units may have been stopped early (`Plan.may_stop`).
    """

    def __init__(
        self, out: Path | str, storage: Storage | None = None, may_stop: Mapping[str, str] = _NOTHING
    ) -> None:
        self.out = Path(out)
        self.storage = storage or Storage(folder=str(self.out.resolve()))
        self.stops = Stops(self.out, self.storage, may_stop)

    def agree(self, *, give: bool = True) -> None:
        """Take over what other machines have written to the storage, and give it what it lacks.

        Args:
            give: False only takes.

        Raises:
            ProblemError: it does not answer, or the disk is full.
        """
        self.storage.agree(output_folder.RESULTS, output_folder.RESULT_SUFFIX, give=give)
        for told in (output_folder.FAILURE_SUFFIX, output_folder.STOPPED_SUFFIX):
            self.storage.agree(output_folder.LOGS, told, give=give)
        checkpoints = output_folder.CHECKPOINTS, output_folder.CHECKPOINT_SUFFIX
        self.storage.agree(*checkpoints, contents=False, give=give)

    def bring(self, kind: Kind, unit: str) -> None:
        """Take over a result that another machine has just written.

        Raises:
            OSError: the storage does not answer, or has none.
        """
        self.storage.fetch(output_folder.result(kind, unit), anew=True)
        self.clear_failure(unit)

    def path(self, kind: Kind, unit: str) -> Path:
        """Where the result of a training or an evaluation lies, or will lie."""
        return self.out / output_folder.result(kind, unit)

    def write_training(self, training: Training, curve: Sequence[Row], summary: Mapping[str, Any]) -> Path:
        """Record that a training is done.

        Args:
            training: the unit.
            curve: rows with `step`, `name` and `value`.
            summary: JSON-able; `checkpoint`, the best weights' path relative to the output folder, and
                `best_kld` must be among it.

        Raises:
            ProblemError: the checkpoint does not exist, or the lowest validation KLD is no finite number.
        """
        problems = self._checkpoint_problems(training.id, summary)
        kld = summary.get("best_kld")
        if kld is None or not math.isfinite(kld):
            remedy = "The training has diverged, or its validation split has no maps; see its log."
            problems.append(Problem(training.id, "a finite best_kld", str(kld), remedy))
        if problems:
            raise ProblemError(problems)
        table = pa.Table.from_pylist([dict(row) for row in curve], schema=CURVE_SCHEMA)
        return self._write("training", training.id, table, summary)

    def write_evaluation(
        self,
        evaluation: Evaluation,
        frames: pa.Table,
        summary: Mapping[str, Any],
        *,
        expected: Mapping[str, int],
    ) -> Path:
        """Record that an evaluation is done, once its rows are what they must be.

        Args:
            evaluation: the unit.
            frames: columns `clip` (string), `frame` (int32, from 0), `n_fixations` (int32) and a float64
                column for each metric, in any order of rows.
            summary: JSON-able.
            expected: the number of frames of each test clip; each frame must have exactly one row.

        Raises:
            ProblemError: listing all that is wrong with the columns, the frames and the scores.
        """
        unit = evaluation.id
        problems = checks.column_problems(unit, frames) + checks.metric_problems(unit, frames)
        if not problems:
            problems = checks.frame_problems(unit, frames, expected) + checks.score_problems(unit, frames)
        if problems:
            raise ProblemError(problems)
        frames = frames.sort_by([("clip", "ascending"), ("frame", "ascending")])
        return self._write("evaluation", unit, frames, summary)

    def read_training(self, unit: str) -> TrainingResult | None:
        """Return the training's result, or None where there is none that can be read."""
        found = self._read_if_sound("training", unit)
        return found and TrainingResult(unit, found[0].to_pylist(), found[1])

    def read_evaluation(self, unit: str) -> EvaluationResult | None:
        """Return the evaluation's result, or None where there is none that can be read."""
        found = self._read_if_sound("evaluation", unit)
        return found and EvaluationResult(unit, *found)

    def digest_of_weights(self, unit: str, checkpoint: str) -> str:
        """Return the digest of the weights that a training's result is of; "" where nothing says it.

        Args:
            unit: the training.
            checkpoint: name of the file, of those that it has written.

        Raises:
            OSError: the storage does not answer.
        """
        name = output_folder.result("training", unit)
        if self.storage.exists(name):
            self.storage.fetch(name)
        result = self.read_training(unit)
        return checkpoints(result.summary).get(checkpoint, "") if result else ""

    def training_done(self, unit: str) -> bool:
        """Whether the training's result can be read and its checkpoint is in place."""
        result = self.read_training(unit)
        return result is not None and not self._checkpoint_problems(unit, result.summary)

    def evaluation_done(self, unit: str) -> bool:
        """Whether the evaluation's result can be read."""
        return self.read_evaluation(unit) is not None

    def status(self, unit: str, kind: Kind) -> Status:
        """Where a unit stands; a result outweighs an earlier failure."""
        if self.training_done(unit) if kind == "training" else self.evaluation_done(unit):
            return "done"
        if self.failure(unit):
            return "failed"
        return "stopped" if self.stops.of(unit) else "todo"

    def cells_without_values(self, plan: Plan) -> list[Cell]:
        """List the cells that lack a value for some metric of their table, but for points stopped early."""
        metrics = {table.name: table.metrics for table in plan.tables}
        results = {unit: self.read_evaluation(unit) for unit in plan.evaluations}
        return [
            cell
            for cell in plan.cells
            if not ((result := results[cell.evaluation]) and result.has_values(metrics[cell.table]))
            and self.status(cell.evaluation, "evaluation") != "stopped"
        ]

    def problems(self, *, weights: bool = True) -> list[Problem]:
        """List what in the folder looks done and is not: damaged results and, with `weights`, lost ones."""
        found = []
        for kind in ("training", "evaluation"):
            for path in sorted(self.out.glob(output_folder.result(kind, "*"))):
                unit = output_folder.unit_of(path, kind)
                try:
                    _, summary = _read(path, kind, unit)
                except ProblemError as error:
                    found += error.problems
                    continue
                if kind == "training" and weights:
                    found += self._checkpoint_problems(unit, summary)
        return found + (checks.state_problems(self.out) if weights else [])

    def summaries(self, kind: Kind) -> Iterator[dict[str, Any]]:
        """Yield the summary of every result of the folder, of whatever grid, without reading its rows."""
        for path in sorted(self.out.glob(output_folder.result(kind, "*"))):
            # A damaged one is told by `problems`.
            with suppress(pa.ArrowException, OSError, ValueError, KeyError, TypeError):
                yield dict(unseal(_METADATA_KEY, pq.read_schema(path).metadata)["summary"])

    def failure(self, unit: str) -> Path | None:
        """Return the file that says why a unit failed, or None."""
        path = self.out / output_folder.failure(unit)
        return path if path.exists() else None

    def write_failure(self, unit: str, text: str) -> Path:
        """Record why a unit failed; returns the file."""
        path = self.out / output_folder.failure(unit)
        write_text(path, _COLOURS.sub("", text))
        self.storage.publish(output_folder.failure(unit))
        return path

    def clear_failure(self, unit: str) -> None:
        """Forget an earlier failure; writing a unit's result does so too."""
        if self.failure(unit):
            self.storage.delete(output_folder.failure(unit))

    def remove_training(self, unit: str) -> None:
        """Forget a result, so that it will be trained again."""
        self.storage.delete(output_folder.result("training", unit))

    def remove_evaluation(self, unit: str) -> None:
        """Forget a result, so that it will be evaluated again."""
        self.storage.delete(output_folder.result("evaluation", unit))

    def _write(self, kind: Kind, unit: str, table: pa.Table, summary: Mapping[str, Any]) -> Path:
        note = {"schema": SCHEMA_VERSION, "kind": kind, "id": unit, "summary": dict(summary)}
        table = table.replace_schema_metadata(seal(_METADATA_KEY, note))
        path = self.path(kind, unit)
        write = partial(pq.write_table, table, write_page_checksum=True)
        write_atomically(path, write, table.nbytes)
        self.storage.publish(output_folder.result(kind, unit))
        self.clear_failure(unit)
        return path

    def _read_if_sound(self, kind: Kind, unit: str) -> tuple[pa.Table, dict[str, Any]] | None:
        path = self.path(kind, unit)
        if not path.exists():
            return None
        try:
            return _read(path, kind, unit)
        except ProblemError:
            # Not done; `problems` says why.
            return None

    def _checkpoint_problems(self, unit: str, summary: Mapping[str, Any]) -> list[Problem]:
        remedy = "Put it back, or run the grid again: the training counts as not done."
        expected = "its best checkpoint inside the output folder"
        problems = []
        for checkpoint, digest in checkpoints(summary).items():
            # By its name: a user may keep weights elsewhere, behind a link.
            place, name = self.out / checkpoint, PurePosixPath(checkpoint)
            inside = checkpoint and not name.is_absolute() and ".." not in name.parts
            if not inside or not self.storage.exists(checkpoint):
                problems.append(Problem(unit, expected, f"nothing at {checkpoint or '(no path)'}", remedy))
            # One that is in the storage alone is looked at by those who open it.
            elif place.is_file() and checks.weights_problem(place, unit, digest):
                # It may be this machine's copy of earlier ones: what the storage has counts.
                place = self.storage.fetch(checkpoint)
                problems += filter(None, [checks.weights_problem(place, unit, digest)])
        return problems


def _read(path: Path, kind: Kind, unit: str) -> tuple[pa.Table, dict[str, Any]]:
    """Return a result's rows and summary; ProblemError for anything but a sound file of this unit."""
    again = "The unit counts as not done: run the grid again, or put the right file back."
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read()
        note = unseal(_METADATA_KEY, table.schema.metadata)
        version, found, summary = note["schema"], (note["kind"], note["id"]), dict(note["summary"])
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        text = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ProblemError(Problem(str(path), "a sound result of this project", text, again)) from error
    if version != SCHEMA_VERSION:
        expected = f"results of schema version {SCHEMA_VERSION}"
        raise ProblemError(Problem(str(path), expected, f"version {version}", again))
    if found != (kind, unit):
        raise ProblemError(Problem(str(path), f"{kind} {unit}", " ".join(map(str, found)), again))
    sound = (
        table.schema.equals(CURVE_SCHEMA) if kind == "training" else not checks.column_problems(unit, table)
    )
    if not sound:
        columns = ", ".join(f"{field.name} {field.type}" for field in table.schema)
        raise ProblemError(Problem(str(path), f"the {kind}'s columns", columns, again))
    return table, summary
