"""Runs by what they are: made once, added to, and read back by a later call."""

import json
import math
import re
from pathlib import Path

import pytest
from PIL import Image

from grid.tracking.runs import RunStore, text


@pytest.fixture
def store(new_store, tmp_path):
    return RunStore(new_store(tmp_path), "experiment", tmp_path / "artifacts")


def again(store, tmp_path):
    """The same store as a later call finds it."""
    return RunStore(f"sqlite:///{tmp_path / 'mlflow.db'}", "experiment", tmp_path / "artifacts")


def rows(*values, name="loss"):
    return [{"step": step, "name": name, "value": value} for step, value in enumerate(values, start=1)]


def history(store, run, name="loss"):
    return [(point.step, point.value) for point in store.client.get_metric_history(run.run_id, name)]


@pytest.mark.slow
def test_a_run_is_made_once_and_found_again(store, tmp_path):
    run = store.ensure("unit", "a label", {"kind": "training"}, {"train.lr": 0.1, "domains": ["a", "b"]})
    assert store.ensure("unit", "a label", {}, {}) is run
    (found,) = again(store, tmp_path).runs.values()
    assert (found.run_id, found.status, found.complete) == (run.run_id, "RUNNING", False)
    assert found.params == {"train.lr": "0.1", "domains": '["a", "b"]'}
    assert (found.tags["id"], found.tags["kind"], found.tags["mlflow.runName"]) == (
        "unit",
        "training",
        "a label",
    )


@pytest.mark.slow
def test_a_parameter_stays_as_it_was_first_logged_and_long_ones_are_cut(store, tmp_path):
    store.ensure("unit", "", {}, {"a": 1})
    later = again(store, tmp_path)
    later.ensure("unit", "", {}, {"a": 2, "b": "x" * 600} | {f"p{n}": n for n in range(150)})
    params = again(store, tmp_path).runs["unit"].params
    assert (params["a"], len(params["b"]), params["p149"]) == ("1", 500, "149")


def test_each_point_is_logged_once_whoever_reports_it_again(store, tmp_path):
    run = store.ensure("unit", "", {}, {})
    store.log(run, rows(3.0, 2.0))
    store.log(run, rows(9.0, 9.0, 1.0))
    later = again(store, tmp_path)
    later.log(later.runs["unit"], rows(8.0, 8.0, 8.0, 0.5))
    assert history(store, run) == [(1, 3.0), (2, 2.0), (3, 1.0), (4, 0.5)]
    assert again(store, tmp_path).runs["unit"].metrics == {"loss": 0.5}


def test_more_points_than_a_request_takes_are_all_logged(store):
    run = store.ensure("unit", "", {}, {})
    store.log(run, rows(*map(float, range(2100))))
    assert len(history(store, run)) == 2100


def test_what_is_not_finite_is_counted_in_place_of_logged(store, tmp_path):
    run = store.ensure("unit", "", {}, {})
    store.log(run, rows(1.0, math.nan, math.inf))
    store.log(run, rows(1.0, math.nan))
    assert history(store, run) == [(1, 1.0)]
    assert again(store, tmp_path).runs["unit"].tags["non_finite"] == "2"


def test_a_finished_run_is_complete_and_runs_again_when_it_is_asked_for(store, tmp_path):
    run = store.ensure("unit", "", {}, {})
    store.finish(run, "FINISHED")
    assert again(store, tmp_path).runs["unit"].complete
    store.ensure("unit", "", {}, {})
    assert again(store, tmp_path).runs["unit"].status == "RUNNING"


def test_a_table_replaces_the_one_before_and_is_listed_once(store, tmp_path):
    run = store.ensure("unit", "", {}, {})
    store.log_table(run, [{"row": "A", "mean": 0.5}], "tables/t.json")
    store.log_table(run, [{"row": "A", "mean": 0.7}, {"row": "B", "mean": None}], "tables/t.json")
    logged = Path(store.client.download_artifacts(run.run_id, "tables/t.json")).read_text(encoding="utf-8")
    assert json.loads(logged) == {"columns": ["row", "mean"], "data": [["A", 0.7], ["B", None]]}
    listed = json.loads(again(store, tmp_path).runs["unit"].tags["mlflow.loggedArtifacts"])
    assert listed == [{"path": "tables/t.json", "type": "table"}]


def test_a_picture_is_logged_under_its_key(store, tmp_path):
    run = store.ensure("unit", "", {}, {})
    Image.new("RGB", (8, 8), "red").save(tmp_path / "drawn.png")
    store.log_picture(run, tmp_path / "drawn.png", "pictures/1")
    names = [item.path for item in store.client.list_artifacts(run.run_id, "images")]
    # MLflow 3.10 writes pictures#1%step%…, later ones pictures~1+step+….
    assert any(re.match("images/pictures[#~]1[%+]", name) for name in names)


def test_a_run_names_the_data_it_has_seen(store):
    run = store.ensure("unit", "", {}, {})
    store.name_datasets(run, [("DHF1K", "1" * 64, "source"), ("LEDOV", "2" * 64, "target")])
    inputs = store.client.get_run(run.run_id).inputs.dataset_inputs
    assert {(i.dataset.name, i.dataset.digest, i.tags[0].value) for i in inputs} == {
        ("DHF1K", "1" * 36, "source"),
        ("LEDOV", "2" * 36, "target"),
    }


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "none"), (True, "True"), (0.001, "0.001"), (("a", 1), '["a", 1]'), ([], "[]")]
)
def test_values_are_spelt_as_readers_filter_by_them(value, shown):
    assert text(value) == shown
