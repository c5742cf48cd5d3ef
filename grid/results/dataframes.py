"""Results as pandas DataFrames, for whoever plots for themselves: `grid.results.read("runs")`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from grid.plan import Plan
from grid.results import output_folder
from grid.results.ledger import Ledger
from grid.results.unit_results import CURVE_SCHEMA
from manifests.problem import Problem, ProblemError, suggest

if TYPE_CHECKING:
    from pandas import DataFrame

CELLS = "cells"
"""The key of a grid's note under which its cells are."""
_AXES = ("table", "sources", "target", "test", "model", "approach", "variant", "point", "seed", "fold")


class DataFrames(NamedTuple):
    """The results of an output folder's grids.

    Attributes:
        cells: a row for each cell of a table, seed by seed: `grid`, the axes `table`, `sources` (joined by
            +), `target`, `test`, `model`, `approach`, `variant`, `point`, `seed` and `fold`, the ids
            `training` and `evaluation`, `status` (done, failed, stopped or todo, of the evaluation),
            `best_kld` of the training, `n_clips`, `n_frames`, and each metric's mean over
            frames, as tables print it.
        frames: a row for each frame of each test clip: `evaluation`, `clip`, `frame` (from 0),
            `n_fixations`, and a column for each metric, NaN where it is undefined.
        curves: a row for each value of each step of a training: `training`, `step`, `name` (such as
            `val/kld`) and `value`.
    """

    cells: DataFrame
    frames: DataFrame
    curves: DataFrame


def read(out: Path | str = "runs", grid: str | None = None) -> DataFrames:
    """Read the results of the grids that were run, or exported, in a folder; what is not done has no numbers.

    Args:
        out: the output folder.
        grid: only this one of its grids.

    Raises:
        ProblemError: no grid, or none of this name, was run there.
    """
    import pandas  # noqa: PLC0415 - half a second, that all else does without

    cells = list(_cells(Path(out), grid))
    ledger = Ledger(out, may_stop={cell["evaluation"]: cell["training"] for cell in cells})
    evaluations = dict.fromkeys(cell["evaluation"] for cell in cells)
    trainings = dict.fromkeys(cell["training"] for cell in cells)
    tested = {unit: found for unit in evaluations if (found := ledger.read_evaluation(unit))}
    trained = {unit: result for unit in trainings if (result := ledger.read_training(unit))}
    for cell in cells:
        evaluation, training = tested.get(cell["evaluation"]), trained.get(cell["training"])
        cell["status"] = ledger.status(cell["evaluation"], "evaluation")
        cell["best_kld"] = training.summary["best_kld"] if training else None
        if evaluation:
            cell |= {"n_clips": evaluation.n_clips, "n_frames": evaluation.n_frames, **evaluation.scores}
    frames = [_of("evaluation", unit, found.frames) for unit, found in tested.items()]
    curves = [
        _of("training", unit, pa.Table.from_pylist([*map(dict, result.curve)], schema=CURVE_SCHEMA))
        for unit, result in trained.items()
    ]
    return DataFrames(pandas.DataFrame(cells), _joined(frames), _joined(curves))


def noted_cells(plan: Plan) -> list[dict[str, Any]]:
    """Return a plan's cells in plain values, to be kept where `read` finds them."""
    return [asdict(cell) for cell in plan.cells]


def _cells(out: Path, grid: str | None) -> Iterator[dict[str, Any]]:
    """Yield the cells of a folder's grids as they were last called."""
    notes = {path.stem: path for path in sorted(out.glob(output_folder.call("*")))}
    if not notes:
        remedy = "Say where results are: read(FOLDER)."
        raise ProblemError(Problem(str(out), "an output folder in which a grid was run", "none", remedy))
    if grid is not None and grid not in notes:
        raise ProblemError(Problem("grid", f"a grid that was run in {out}", repr(grid), suggest(grid, notes)))
    for name, path in notes.items():
        if grid in (None, name):
            yield from (_row(name, cell) for cell in _noted(path))


def _noted(path: Path) -> list[Mapping[str, Any]]:
    try:
        return list(json.loads(path.read_text(encoding="utf-8"))[CELLS])
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = "Run the grid once more: it finds all done, and writes this anew."
        told = f"{type(error).__name__}: {error}"
        raise ProblemError(Problem(str(path), "the cells of the grid", told, remedy)) from error


def _row(grid: str, cell: Mapping[str, Any]) -> dict[str, Any]:
    joined = {"sources": "+".join(cell["sources"]), "point": ", ".join(cell["point"])}
    axes = {axis: joined.get(axis, cell[axis]) for axis in _AXES}
    return {"grid": grid, **axes, "training": cell["training"], "evaluation": cell["evaluation"]}


def _of(kind: str, unit: str, table: pa.Table) -> pa.Table:
    """Put the unit's id in front of its rows."""
    ids = pa.DictionaryArray.from_arrays(pa.array([0] * len(table), pa.int32()), [unit])
    return table.replace_schema_metadata(None).add_column(0, kind, ids)


def _joined(tables: Iterable[pa.Table]) -> DataFrame:
    found = list(tables)
    return (
        pa.concat_tables(found, promote_options="default").unify_dictionaries() if found else pa.table({})
    ).to_pandas()
