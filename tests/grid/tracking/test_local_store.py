"""A store without a server is whole or not there."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grid.commands.ui import ui
from grid.tracking.local_store import address_of, file_of, make_ready
from grid.tracking.runs import RunStore
from manifests.escaping import shell
from manifests.problem import ProblemError


def test_a_store_gets_its_schema_under_another_name(tmp_path, monkeypatch):
    from mlflow import MlflowClient

    file, opened = tmp_path / "new" / "mlflow.db", []

    class Watched(MlflowClient):
        def search_experiments(self, **options):
            opened.append((self.tracking_uri, file.exists()))
            return super().search_experiments(**options)

    monkeypatch.setattr("mlflow.MlflowClient", Watched)
    make_ready(f"sqlite:///{file}")
    ((uri, there),) = opened
    assert (uri == f"sqlite:///{file}", there) == (False, False)
    assert uri.startswith(f"sqlite:///{file.parent}/.mlflow.db.")
    tables = sqlite3.connect(file).execute("select name from sqlite_master where type = 'table'")
    assert ("experiments",) in tables.fetchall()
    assert [path.name for path in file.parent.iterdir()] == ["mlflow.db"]


def test_a_store_that_is_another_users_is_told_with_what_to_do(new_store, tmp_path, monkeypatch):
    uri = new_store(tmp_path)
    make_ready(uri)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    told = r"mlflow\.db: expected a store of runs that you may read and write, found one of user \d.*chmod"
    with pytest.raises(ProblemError, match=told):
        make_ready(uri)
    with pytest.raises(ProblemError, match=told):
        ui(tmp_path, 0, print)


def test_nothing_is_left_of_a_store_that_could_not_be_made(tmp_path, monkeypatch):
    from mlflow import MlflowClient

    def break_off(self, **options):
        raise OSError("interrupted between two steps")

    monkeypatch.setattr(MlflowClient, "search_experiments", break_off)
    with pytest.raises(OSError, match="between two steps"):
        make_ready(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "postgresql://nobody@nowhere/runs", "file:///runs"])
def test_other_stores_are_left_alone(uri, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    make_ready(uri)
    assert list(tmp_path.iterdir()) == []


def half(content):
    return content[: len(content) // 2]


def foreign(_):
    return b"not even a database"


def another_database(_):
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE x (y)")
        return database.serialize()


@pytest.mark.parametrize("damage", [half, foreign, another_database])
def test_a_store_that_is_damaged_is_told_with_what_to_do_and_is_not_touched(new_store, tmp_path, damage):
    """It was said that the same command again would add what was missing."""
    uri = new_store(tmp_path)
    make_ready(uri)
    (file,) = tmp_path.iterdir()
    file.write_bytes(left := damage(file.read_bytes()))
    for use in (lambda: make_ready(uri), lambda: ui(tmp_path, 0, print)):
        with pytest.raises(
            ProblemError, match=r"mlflow\.db: expected a store of runs, found .* Move it away"
        ):
            use()
    assert file.read_bytes() == left


def test_a_store_that_was_left_empty_is_made_and_one_in_use_is_left_alone(new_store, tmp_path):
    uri = new_store(tmp_path)
    (tmp_path / "mlflow.db").touch()
    make_ready(uri)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        (tables,) = store.execute("SELECT count(*) FROM sqlite_master").fetchone()
        assert tables > 5
        store.execute("BEGIN EXCLUSIVE")
        make_ready(uri)


@pytest.mark.slow
def test_artifacts_are_looked_for_where_the_folder_was_moved_to(new_store, tmp_path):
    before, after = tmp_path / "before", tmp_path / "after's"
    new_store(before)
    store = RunStore(f"sqlite:///{before / 'mlflow.db'}", "e", before / "mlflow-artifacts")
    run = store.ensure("unit", "label", {}, {})
    store.client.log_text(run.run_id, "x", "a.txt")
    shutil.move(before, after)
    moved = RunStore(f"sqlite:///{after / 'mlflow.db'}", "e", after / "mlflow-artifacts")
    assert moved.client.get_run(run.run_id).info.artifact_uri.startswith(
        (after / "mlflow-artifacts").as_uri()
    )
    assert [item.path for item in moved.client.list_artifacts(run.run_id)] == ["a.txt"]
    moved.client.log_text(moved.ensure("other", "label", {}, {}).run_id, "y", "b.txt")
    assert not before.exists()


@pytest.mark.slow
def test_a_deleted_experiment_is_told_with_what_brings_it_back(new_store, tmp_path):
    uri = new_store(tmp_path)
    store = RunStore(uri, "e", tmp_path / "mlflow-artifacts")
    store.client.delete_experiment(store.experiment_id)
    with pytest.raises(ProblemError, match="mlflow experiments restore --experiment-id 1"):
        RunStore(uri, "e", tmp_path / "mlflow-artifacts")


@pytest.mark.parametrize("name", ["runs", "a b", "why?", "50%3F", "#1"])
def test_an_address_leads_to_its_file_whatever_the_folder_is_called(name, tmp_path):
    file = tmp_path / name / "mlflow.db"
    assert file_of(address_of(file)) == file
    assert file_of("http://127.0.0.1:5000") is None


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\x00"), min_size=1, max_size=30))
def test_no_folder_is_taken_for_a_part_of_an_address(name):
    file = Path("/out") / name / "mlflow.db"
    assert file_of(address_of(file)) == file
    assert not shell([address_of(file)]).count("\n")


def test_a_store_is_its_owners_alone(new_store, tmp_path):
    file = tmp_path / "own" / "mlflow.db"
    make_ready(address_of(file))
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_mlflow_finds_a_store_whose_folder_has_a_question_mark(tmp_path):
    """A bare path would be cut at it, and the store made in another folder."""
    file = tmp_path / "why? 50%" / "mlflow.db"
    RunStore(address_of(file), "e", file.parent / "mlflow-artifacts").client.search_experiments()
    with sqlite3.connect(file) as store:
        assert ("e",) in store.execute("SELECT name FROM experiments").fetchall()
    assert not (tmp_path / "why").exists()
