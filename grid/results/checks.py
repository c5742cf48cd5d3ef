"""What weights and an evaluation's rows must be before they count: of their training; every frame once."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grid.results import output_folder
from hd2s.metrics.definitions import find_metric, known_metrics
from hd2s.weights.origin import damage_of, origin_of, read_origin
from manifests.problem import ExchangedError, Problem, suggest

FRAME_SCHEMA = pa.schema([("clip", pa.string()), ("frame", pa.int32()), ("n_fixations", pa.int32())])
"""The first columns of every evaluation; one float64 column for each metric follows."""

# Sums of float32 end a little past a bound that they only touch.
_TOLERANCE = 1e-5
_LOG = logging.getLogger(__name__)
_REMEDY = "Nothing was recorded: correct the evaluation and run it again."


def require_weights(path: Path | str, training: str, digest: str = "") -> None:
    """Make sure that a checkpoint is of the training that it is named after; an older one says nothing.

    Args:
        path: of the checkpoint.
        training: its id.
        digest: of the tensors, by the training's result; empty: any.

    Raises:
        ExchangedError: it is another's, or not what the result is of.
    """
    if problem := weights_problem(path, training, digest):
        raise ExchangedError(problem)


def require_whole_weights(path: Path | str, training: str, digest: str = "") -> None:
    """Do as `require_weights`, and read all of the checkpoint for whether a tensor in it is damaged.

    Raises:
        ExchangedError: as there, or one is.
        OSError: it cannot be read.
    """
    require_weights(path, training, digest)
    if damage := damage_of(path):
        remedy = "Put a copy back, or remove it and run the grid again: the training then counts as not done."
        raise ExchangedError(Problem(str(path), f"the weights of {training}, undamaged", damage, remedy))


def weights_problem(path: Path | str, training: str, digest: str = "") -> Problem | None:
    """Return what makes a checkpoint another's, or no checkpoint. Arguments as above.

    What is damaged in single tensors is told by who loads it.
    """
    remedy = "Put its own back, or run the grid again: the training counts as not done."
    try:
        found = read_origin(path)
    except OSError as error:
        _LOG.warning("%s cannot be looked at: %s", path, error)
        return None
    if found.training and found.training != training:
        return Problem(str(path), f"the weights of {training}", f"those of {found.training}", remedy)
    if digest and found.digest != digest:
        others = f"others (digest {found.digest[:12]} instead of {digest[:12]})"
        told = others if found.digest else "a file that is cut off, or holds something else"
        return Problem(str(path), f"the weights that the result of {training} is of", told, remedy)
    return None


def state_problems(out: Path) -> list[Problem]:
    """List saved states of an output folder that lie where another training's should."""
    found = []
    for path in sorted(out.glob(output_folder.state("*", 0, "*").replace(f"{0:08d}", "*"))):
        unit = path.parent.parent.name
        if (training := origin_of(path).training) not in ("", unit):
            remedy = "They are not gone on from, and removed when the training starts."
            told = f"those of {training}"
            found.append(Problem(str(path.parent), f"saved states of {unit}", told, remedy))
    return found


def column_problems(where: str, frames: pa.Table) -> list[Problem]:
    """List what is wrong with an evaluation's columns; `where` names it.

    Whose metrics they are is no question here: a plug-in's can be read where it is not loaded.
    """
    problems = []
    for field in FRAME_SCHEMA:
        found = frames.schema.field(field.name).type if field.name in frames.column_names else "nothing"
        if found != field.type:
            problems.append(Problem(where, f"a column {field.name} of {field.type}", str(found), _REMEDY))
    metrics = [name for name in frames.column_names if name not in FRAME_SCHEMA.names]
    if not metrics or frames.column_names[: len(FRAME_SCHEMA)] != FRAME_SCHEMA.names:
        expected = f"the columns {', '.join(FRAME_SCHEMA.names)} and then a metric or more"
        problems.append(Problem(where, expected, ", ".join(frames.column_names), _REMEDY))
    for name in metrics:
        if (found := frames.schema.field(name).type) != pa.float64():
            problems.append(Problem(where, f"{name} as float64", str(found), _REMEDY))
    for name in frames.column_names:
        if n := frames[name].null_count:
            problems.append(Problem(where, f"{name} without nulls", f"{n} nulls", _REMEDY))
    return problems


def metric_problems(where: str, frames: pa.Table) -> list[Problem]:
    """List the columns that are of no metric known here, of which none could be checked and written."""
    return [
        Problem(where, "known metrics", repr(name), suggest(name, known_metrics()))
        for name in frames.column_names
        if name not in (*FRAME_SCHEMA.names, *known_metrics())
    ]


def frame_problems(where: str, frames: pa.Table, expected: Mapping[str, int]) -> list[Problem]:
    """List what keeps the rows from being each frame of each expected clip exactly once.

    Args:
        where: names the evaluation.
        frames: a table without `column_problems`.
        expected: the number of frames of each clip; the frames are 0, 1, … of it.
    """
    if not expected:
        return [Problem(where, "test clips", "none", "Index the corpus again: its test split is empty.")]
    clips, rows = np.unique(frames["clip"].to_numpy(), return_inverse=True)
    numbers = frames["frame"].to_numpy()
    order = np.lexsort((numbers, rows))
    bounds = np.searchsorted(rows[order], np.arange(1, len(clips)))
    found = dict(zip(clips, np.split(numbers[order], bounds), strict=True)) if len(clips) else {}
    problems = []
    for clip in sorted(expected.keys() | found.keys()):
        wanted, had = np.arange(expected.get(clip, 0)), found.get(clip, np.empty(0, np.int32))
        if not np.array_equal(had, wanted):
            text = _difference(had, wanted)
            problems.append(
                Problem(f"{where}, clip {clip}", f"each of its {len(wanted)} frames once", text, _REMEDY)
            )
    return problems


def _difference(had: np.ndarray, wanted: np.ndarray) -> str:
    once, counts = np.unique(had, return_counts=True)
    parts = {
        "missing": np.setdiff1d(wanted, once),
        "repeated": once[counts > 1],
        "that it does not have": np.setdiff1d(once, wanted),
    }
    return "; ".join(
        f"{len(which)} {word} (first: {which[0]})" for word, which in parts.items() if len(which)
    )


def score_problems(where: str, frames: pa.Table) -> list[Problem]:
    """List scores that the metrics cannot take, and negative numbers of fixations."""
    problems = []
    if len(frames) and (lowest := pc.min(frames["n_fixations"]).as_py()) < 0:
        problems.append(Problem(where, "n_fixations of 0 or more", str(lowest), _REMEDY))
    for name in frames.column_names[len(FRAME_SCHEMA) :]:
        metric = find_metric(name)
        values = frames[name].to_numpy()
        wrong = np.isinf(values) | (values < metric.low - _TOLERANCE) | (values > metric.high + _TOLERANCE)
        if wrong.any():
            first = int(np.argmax(wrong))
            row = f"frame {frames['frame'][first]} of {frames['clip'][first]}"
            found = f"{wrong.sum()} others, the first {values[first]} at {row}"
            problems.append(
                Problem(where, f"{name} finite and in [{metric.low:g}, {metric.high:g}]", found, _REMEDY)
            )
    return problems
