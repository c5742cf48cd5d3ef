"""Runs of tables' rows: they say and show what holds now, whatever they said before."""

import math

import numpy as np
import pytest

from grid.evaluation import pictures
from grid.results import output_folder
from grid.tracking.rows import TableRow, log_row, show_only
from grid.tracking.runs import PARENT_TAG, RunStore

BLANK = np.zeros((32, 32), np.uint8)
PNG = pictures.draw(np.dstack([BLANK] * 3), np.zeros((0, 2)), BLANK, BLANK, "clip")
OVER_TWO = {"test/NSS": 2.5, "test/NSS.std": 0.5, "n_seeds": 2}


@pytest.fixture
def store(new_store, tmp_path):
    store = RunStore(new_store(tmp_path), "experiment", tmp_path / "artifacts")
    for seed in (0, 1):
        store.finish(store.ensure(f"seed {seed}", f"Seed {seed}", {"kind": "cell"}, {}), "FINISHED")
    return store


@pytest.fixture
def log(store, tmp_path):
    """Log the row "row" as it is known then, and return its run as MLflow has it, or None."""
    picture = tmp_path / "1.png"
    picture.write_bytes(PNG)

    def log(said, evaluation="on B", below=("seed 0", "seed 1")):
        def make():
            return store.ensure("row", "A row", {"kind": "summary"}, {})

        log_row(store, TableRow("row", said, below, evaluation, (picture,)), make)
        run = store.runs.get("row")
        return run and store.client.get_run(run.run_id)

    return log


def test_a_row_says_shows_and_leads_to_what_is_known(store, log):
    run = log(OVER_TWO | {"test/CC": math.nan})
    assert (run.data.metrics, run.info.status) == (OVER_TWO, "FINISHED")
    assert (run.data.tags["pictures"], run.data.tags["pictures_of"]) == ("1", "on B")
    for seed in (0, 1):
        below = store.client.get_run(store.runs[f"seed {seed}"].run_id)
        assert below.data.tags[PARENT_TAG] == run.info.run_id
        assert f"runs/{below.info.run_id}" in run.data.tags["mlflow.note.content"]


def test_other_values_of_the_same_names_stay_in_the_same_run(log):
    before = log(OVER_TWO)
    after = log(OVER_TWO | {"test/NSS": 3.0, "test/NSS.low": 2.0})
    assert after.info.run_id == before.info.run_id
    assert after.data.metrics == OVER_TWO | {"test/NSS": 3.0, "test/NSS.low": 2.0}


@pytest.mark.parametrize(
    ("said", "evaluation"),
    [
        ({"test/NSS": 3.0, "n_seeds": 1}, "on B"),
        (OVER_TWO | {"test/NSS.std": math.nan}, "on B"),
        (OVER_TWO, ""),
    ],
    ids=["over one seed", "undefined", "another evaluation"],
)
def test_what_holds_no_more_is_neither_said_nor_shown(store, log, said, evaluation):
    before = log(OVER_TWO)
    run = log(said, evaluation)
    assert run.info.run_id != before.info.run_id
    assert run.data.metrics == {name: value for name, value in said.items() if math.isfinite(value)}
    assert run.data.tags["pictures_of"] == evaluation
    for seed in (0, 1):
        tags = store.client.get_run(store.runs[f"seed {seed}"].run_id).data.tags
        assert tags[PARENT_TAG] == run.info.run_id
    assert store.client.get_run(before.info.run_id).info.lifecycle_stage == "deleted"


def test_a_row_without_values_leaves_the_views_until_it_has_some(log):
    assert log({}) is None
    log(OVER_TWO)
    assert log({}).data.tags["kind"] == "superseded summary"
    assert log(OVER_TWO).data.tags["kind"] == "summary"


def test_what_failed_leaves_the_views_with_its_table_as_what_is_done_does(store, tmp_path):
    """A seed that had failed stayed in the view of all seeds after it was taken out of the grid."""
    for unit in ("done", "failed", "elsewhere"):
        store.ensure(unit, unit, {"kind": "cell", "grid": "g", "evaluation": unit}, {})
    for file in (output_folder.result("evaluation", "done"), output_folder.failure("failed")):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    show_only(store, "g", (), tmp_path)
    kinds = {unit: store.runs[unit].tags["kind"] for unit in ("done", "failed", "elsewhere")}
    assert kinds == {"done": "superseded cell", "failed": "superseded cell", "elsewhere": "cell"}
