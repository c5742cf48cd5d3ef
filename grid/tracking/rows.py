"""A table's rows in MLflow: a run over each one's seeds, which says and shows what holds now."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from grid.results import output_folder
from grid.tracking.runs import NOTE_TAG, PARENT_TAG, Run, RunStore
from grid.tracking.views import PICTURES, SUMMARY

SUPERSEDED = "superseded "
"""What stands before the kind of a run that has left the views and stays in the store."""
PICTURES_TAG = "pictures"
"""Of a cell or row: how many pictures it was given after it had ended, so that it is given them once."""
PICTURES_OF_TAG = "pictures_of"
"""Of a row: the evaluation that drew its pictures."""
_LONGEST_NOTE = 8000


class TableRow(NamedTuple):
    """What is known of a row.

    Attributes:
        name: of its run.
        said: MLflow's name → value; empty where no seed has one.
        below: names of the runs of its seeds, folds and points.
        evaluation: the one whose pictures it shows.
        pictures: their files.
    """

    name: str
    said: Mapping[str, float]
    below: tuple[str, ...]
    evaluation: str
    pictures: tuple[Path, ...]


def log_row(store: RunStore, row: TableRow, make: Callable[[], Run]) -> None:
    """Log what a row says and shows; where nothing is known of it any more, its run leaves the views.

    MLflow takes back no metric and no picture. A run with one that holds no more makes place for another.

    Args:
        store: the experiment's runs.
        row: what is known of it.
        make: opens its run.
    """
    run, said = store.runs.get(row.name), {k: v for k, v in row.said.items() if math.isfinite(v)}
    if not said:
        if run and run.metrics:
            store.tag(run, "kind", SUPERSEDED + SUMMARY)
        return
    if run and _outdated(run, row, said):
        store.delete(row.name)
        run = None
    run = run or make()
    store.tag(run, "kind", SUMMARY)
    store.log_latest(run, said)
    _lead_to_seeds(store, run, row)
    if row.pictures and PICTURES_TAG not in run.tags:
        add_pictures(store, run, row.pictures)
        store.tag(run, PICTURES_OF_TAG, row.evaluation)
    if not run.complete:
        store.finish(run, "FINISHED")


def show_only(store: RunStore, grid: str, names: Collection[str], out: Path) -> None:
    """Let runs of a grid's cells leave the views but for these, and rows of which none is shown then.

    Args:
        store: the experiment's runs, among which may be those of other output folders.
        grid: its name.
        names: of the runs that its tables have.
        out: this output folder: what is neither done nor failed in it, another has made and may hold to.
    """
    of_grid = {name: run for name, run in store.runs.items() if run.tags.get("grid") == grid}
    for name, run in of_grid.items():
        unit = run.tags.get("evaluation", "")
        ended = output_folder.result("evaluation", unit), output_folder.failure(unit)
        here = any((out / file).exists() for file in ended)
        if name not in names and run.tags.get("kind") == "cell" and here:
            store.tag(run, "kind", f"{SUPERSEDED}cell")
    above = {run.tags.get(PARENT_TAG) for run in of_grid.values() if run.tags.get("kind") == "cell"}
    for name, run in of_grid.items():
        if name not in names and run.tags.get("kind") == SUMMARY and run.run_id not in above:
            store.tag(run, "kind", SUPERSEDED + SUMMARY)


def add_pictures(store: RunStore, run: Run, drawn: tuple[Path, ...]) -> None:
    """Give a run the pictures of an evaluation, under the names that charts compare."""
    for key, file in zip(PICTURES, drawn, strict=False):
        store.log_picture(run, file, key)
    store.tag(run, PICTURES_TAG, str(len(drawn)))


def _outdated(run: Run, row: TableRow, said: Mapping[str, float]) -> bool:
    others = PICTURES_TAG in run.tags and run.tags.get(PICTURES_OF_TAG) != row.evaluation
    return others or not run.metrics.keys() <= said.keys()


def _lead_to_seeds(store: RunStore, run: Run, row: TableRow) -> None:
    """List the runs below a row's as links, and let them lie below it."""
    below = [found for name in row.below if (found := store.runs.get(name))]
    links = (f"- [{found.label}]({store.address(found)})" for found in below)
    store.tag(run, NOTE_TAG, "\n".join(["Over these seeds:", "", *links])[:_LONGEST_NOTE])
    for found in below:
        store.tag(found, PARENT_TAG, run.run_id)
