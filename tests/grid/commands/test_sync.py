"""MLflow is a view of the results, made again from them as often as asked."""

import pytest

from grid.commands.history import remember
from grid.commands.run import DONE, FAILED
from grid.commands.sync import sync
from manifests.problem import ProblemError
from tests.grid.mlflow_runs import logged


@pytest.fixture
def done(done_grid):
    """A grid of one training and one evaluation, done without MLflow having heard of it."""
    remember(done_grid)
    return done_grid


@pytest.mark.slow
def test_a_sync_brings_everything_once_however_often_it_is_called(done, new_store, tmp_path):
    store, told = f"sqlite:///{done.out / 'mlflow.db'}", []
    assert sync(done.out, None, None, told.append) == DONE
    assert told[-1] == f"small: what is in {done.out / 'results'} is in MLflow at {store}"
    found = logged(store, "hd2s-grid-demo")
    kinds, points = found
    assert [kind for kind, _ in kinds] == ["cell", "grid", "summary", "training"]
    assert {state for kind, state in kinds if kind != "grid"} == {"FINISHED"}
    assert len(points) == len(set(points))
    assert {name for _, name, _ in points} >= {"val/kld", "train/kld/saliency", "test/KLD"}
    assert sync(done.out, "small", None, told.append) == DONE
    assert logged(store, "hd2s-grid-demo") == found
    other = new_store(tmp_path / "another")
    assert sync(done.out, None, other, told.append) == DONE
    assert logged(other, "hd2s-grid-demo") == found


@pytest.mark.slow
def test_a_store_that_takes_nothing_is_told_and_not_said_to_hold_all(done, new_store, monkeypatch):
    new_store(done.out)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    told = []
    assert sync(done.out, None, None, told.append) == FAILED
    (only,) = told
    assert "failed or left out (" in only
    assert "mlflow.db: expected a store of runs that you may read and write" in only


@pytest.mark.slow
def test_a_sync_does_without_tables_that_cannot_be_written(done, new_store, monkeypatch):
    def fail(*args):
        raise PermissionError("tables: not yours")

    store, told = new_store(done.out), []
    monkeypatch.setattr("grid.commands.run.compile_tables", fail)
    assert sync(done.out, None, None, told.append) == FAILED
    assert told[-1] == "Tables are not written: tables: not yours"
    assert len(logged(store, "hd2s-grid-demo")[0]) == 4


@pytest.mark.slow
def test_what_cannot_be_synchronised_is_told_and_nothing_is_made(done, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    nobody = "http://127.0.0.1:9"
    cases = {
        (empty, None, None): "expected an output folder in which a grid was run",
        (done.out, "smal", None): r"Did you mean small\?",
        (done.out, None, nobody): f"--tracking-uri {nobody}: expected an MLflow server",
    }
    for (out, name, uri), told in cases.items():
        with pytest.raises(ProblemError, match=told):
            sync(out, name, uri, lambda text: None)
    assert not (done.out / "mlflow.db").exists()
