"""`python -m grid sync`: MLflow is a view of the results, made again from them as often as asked."""

import subprocess
import sys
import time

import pytest
from mlflow.tracking import MlflowClient

from grid.commands.history import remember
from grid.evaluation.evaluate import evaluate_part
from grid.results.ledger import Ledger
from grid.tracking import Tracker
from grid.training.loop import fit
from tests.grid.grids import Context, evaluation_job_of, job_of, prepare_small, write_spec
from tests.grid.invented import complete, table5
from tests.grid.mlflow_server import kill_all, serving
from tests.places import REPOSITORY


def call(*arguments):
    command = [sys.executable, "-m", "grid", "sync", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=300, check=False)


def logged(uri, experiment):
    """Every run's kind and state, and every point of every metric."""
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    runs = client.search_runs([found.experiment_id])
    points = [
        (run.data.tags["id"], name, point.step)
        for run in runs
        for name in run.data.metrics
        for point in client.get_metric_history(run.info.run_id, name)
    ]
    return sorted((run.data.tags["kind"], run.info.status) for run in runs), sorted(points)


@pytest.fixture
def done(small_demo):
    """A grid of one training and one evaluation, done without MLflow having heard of it."""
    grid = prepare_small(small_demo, approaches="generalization")
    job, ledger = job_of(grid, "generalization"), grid.ledger
    summary = fit(job, Context())
    curve = summary.pop("curve")
    (training,), (evaluation,) = grid.plan.trainings.values(), grid.plan.evaluations.values()
    ledger.write_training(training, curve, summary | {"checkpoint": f"checkpoints/{training.id}.pt"})
    scoring = evaluation_job_of(grid, "generalization")
    frames, told, expected = scoring.gather([evaluate_part(scoring, 0)])
    ledger.write_evaluation(evaluation, frames, told, expected=expected)
    remember(grid)
    return grid


def test_a_sync_brings_everything_once_however_often_it_is_called(done):
    store = f"sqlite:///{done.out / 'mlflow.db'}"
    first = call("--out", done.out)
    assert first.returncode == 0, first.stderr
    found = logged(store, "hd2s-grid-demo")
    kinds, points = found
    assert [kind for kind, _ in kinds] == ["cell", "grid", "training"]
    assert {state for kind, state in kinds if kind != "grid"} == {"FINISHED"}
    assert len(points) == len(set(points))
    assert {name for _, name, _ in points} >= {"val/kld", "train/kld/saliency", "test/KLD"}
    again = call("--out", done.out, "--grid", "small")
    assert again.returncode == 0, again.stderr
    assert logged(store, "hd2s-grid-demo") == found
    other = f"sqlite:///{done.out / 'other.db'}"
    assert call("--out", done.out, "--tracking-uri", other).returncode == 0
    assert logged(other, "hd2s-grid-demo") == found


def test_what_cannot_be_synchronised_is_said_without_a_traceback(done, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    nobody = "http://127.0.0.1:9"
    cases = {
        ("--out", empty): "expected an output folder in which a grid was run",
        ("--out", done.out, "--grid", "smal"): "Did you mean small?",
        ("--out", done.out, "--tracking-uri", nobody): f"--tracking-uri {nobody}: expected an MLflow server",
    }
    for arguments, told in cases.items():
        answer = call(*arguments)
        assert answer.returncode == 2, answer.stderr
        assert told in answer.stderr
        assert "Traceback" not in answer.stderr


def test_a_grid_does_not_start_with_a_server_that_is_not_there(small_demo):
    spec = write_spec(small_demo, approaches="generalization")
    script = [sys.executable, str(REPOSITORY / "run_grid.py"), "--grid", str(spec), "--demo"]
    command = [*script, "--out", str(small_demo), "--tracking-uri", "http://127.0.0.1:9"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert answer.returncode == 2, answer.stderr
    assert "--tracking-uri http://127.0.0.1:9: expected an MLflow server" in answer.stderr
    assert "leave --tracking-uri out" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "starting Ray" not in answer.stdout + answer.stderr
    assert not (small_demo / "resume").exists()


@pytest.fixture
def server(tmp_path):
    """A server of MLflow's own, with its process, its address and the store behind it."""
    store = f"sqlite:///{tmp_path / 'server.db'}"
    with serving(store, tmp_path / "kept") as (process, address):
        yield process, address, store


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
    (problem,) = tracker.problems
    assert "python -m grid sync" in problem
    before = logged(store, "hd2s-grid")[0]
    assert before.count(("training", "FINISHED")) == 1
    with serving(store, tmp_path / "kept") as (_, back):
        for _ in range(2):
            late = Tracker(back, ledger.out, "domain_shift")
            late.start_grid(plan, {}, {})
            late.sync(plan, ledger)
            late.finish_grid("FINISHED", [])
            late.close()
            assert late.problems == []
            kinds, points = logged(store, "hd2s-grid")
            assert kinds == sorted(
                [("grid", "FINISHED")]
                + [("training", "FINISHED")] * len(plan.trainings)
                + [("cell", "FINISHED")] * len(plan.cells)
            )
            assert len(points) == len(set(points))
