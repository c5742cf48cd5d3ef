"""A tracker never makes a grid wait or fail: what MLflow misses is said, and follows later."""

import subprocess
import sys
import time

import pytest

from grid.results.ledger import Ledger
from grid.tracking import Tracker
from manifests.problem import ProblemError
from tests.grid.invented import DIGESTS, complete, table5
from tests.grid.mlflow_runs import logged
from tests.grid.mlflow_server import kill_all, serving


def test_the_link_opens_the_view_in_the_output_folders_own_store(new_store, tmp_path):
    store = new_store(tmp_path)
    tracker = Tracker(None, tmp_path, "domain_shift")
    assert tracker.link("table5") == (
        "http://127.0.0.1:5000/#/experiments/1/runs"
        "?workflowType=machine_learning&viewStateShareKey=domain_shift.table5"
    )
    assert tracker.uri == store
    assert tracker.warnings == []
    tracker.close()


def test_a_server_that_is_required_and_not_there_is_a_problem(tmp_path):
    tracker = Tracker("http://127.0.0.1:9", tmp_path, "domain_shift")
    with pytest.raises(ProblemError, match=r"expected an MLflow server, found .*leave --tracking-uri out"):
        tracker.require()


@pytest.mark.timeout(120)
def test_a_server_that_is_not_there_stops_nothing(tmp_path):
    plan, ledger = table5(), Ledger(tmp_path)
    complete(plan, ledger)
    begun = time.monotonic()
    tracker = Tracker("http://127.0.0.1:9", tmp_path, "domain_shift")
    tracker.start_grid(plan, {}, DIGESTS)
    for training in plan.trainings.values():
        tracker.on_training_started(training)
    assert time.monotonic() - begun < 1.0
    tracker.sync(plan, ledger)
    tracker.finish_grid("FINISHED", [])
    assert tracker.link("table5") == ""
    tracker.close()
    assert time.monotonic() - begun < 60.0
    (warning,) = tracker.warnings
    assert "http://127.0.0.1:9" in warning
    assert "`python -m grid sync`, or the same command again, adds the rest" in warning


@pytest.mark.slow
def test_mlflow_is_imported_only_when_needed():
    code = "import sys, grid.tracking, grid.tracking.views; assert 'mlflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def server(tmp_path):
    """A server of MLflow's own, with its process, its address and the store behind it."""
    store = f"sqlite:///{tmp_path / 'server.db'}"
    with serving(store, tmp_path / "kept") as (process, address):
        yield process, address, store


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_server_lost_in_the_middle_costs_nothing(server, tmp_path):
    process, address, store = server
    plan, ledger = table5(), Ledger(tmp_path / "out")
    complete(plan, ledger)
    first, *others = plan.trainings.values()
    tracker = Tracker(address, ledger.out, "domain_shift")
    tracker.require()
    tracker.start_grid(plan, {}, {})
    result = ledger.read_training(first.id)
    tracker.on_training_finished(first, result.summary, result.curve)
    assert tracker.link("table5"), "all of it has arrived"
    kill_all(process)
    begun = time.monotonic()
    for training in others:
        tracker.on_training_started(training)
    tracker.finish_grid("FINISHED", [])
    tracker.close()
    assert time.monotonic() - begun < 120, "a dead server is not asked again and again"
    (warning,) = tracker.warnings
    assert "python -m grid sync" in warning
    before = logged(store, "hd2s-grid")[0]
    assert before.count(("training", "FINISHED")) == 1
    with serving(store, tmp_path / "kept") as (_, back):
        for _ in range(2):
            late = Tracker(back, ledger.out, "domain_shift")
            late.start_grid(plan, {}, {})
            late.sync(plan, ledger)
            late.log_summaries({cell.id: {"test/NSS": 1.0} for cell in plan.cells})
            late.finish_grid("FINISHED", [])
            late.close()
            assert late.warnings == []
            kinds, points = logged(store, "hd2s-grid")
            assert kinds == sorted(
                [("grid", "FINISHED")]
                + [("training", "FINISHED")] * len(plan.trainings)
                # Each with one seed, and a run above it.
                + [(kind, "FINISHED") for kind in ("cell", "summary") for _ in plan.cells]
            )
            # MLflow puts what a model is known by, its training's validation loss, on the run once more.
            assert len(points) == len(set(points)) + len(plan.trainings)


def test_an_address_with_a_password_is_refused_and_not_told(tmp_path):
    with pytest.raises(ProblemError, match=r"expected an address without credentials.*USERNAME") as caught:
        Tracker("https://me:secret@host/mlflow", tmp_path, "small")
    assert "secret" not in str(caught.value)
