"""`python -m grid sync` when something is in its way: it says so, loses nothing, and may be called again."""

import os
import subprocess

import numpy as np
import pyarrow as pa
import pytest
from mlflow.tracking import MlflowClient

from grid.commands.history import remember
from grid.commands.run import DONE, FAILED
from grid.commands.sync import sync
from grid.planning.prepare import prepare
from grid.results.ledger import Ledger
from manifests import ProblemError

SPEC = """
name: small
title: A small grid
metrics: [NSS]
sources: [DHF1K]
targets: [UCFSports]
approaches: [generalization, adaptation]
"""


def small_grid(out):
    """A grid whose results are there, and which MLflow has not heard of."""
    (out / "small.yaml").write_text(SPEC)
    grid = prepare(str(out / "small.yaml"), [], out, demo=True, tell=lambda text: None)
    ledger = Ledger(out)
    (out / "checkpoints").mkdir()
    for training in grid.plan.trainings.values():
        checkpoint = f"checkpoints/{training.id}.pt"
        (out / checkpoint).write_bytes(b"weights")
        curve = [{"step": step, "name": "train/kld/saliency", "value": 1 / step} for step in range(1, 30)]
        summary = {"best_kld": 0.1, "best_step": 29, "seconds": 1.0, "checkpoint": checkpoint}
        ledger.write_training(training, curve, summary)
    columns = {"clip": ["a"] * 9, "frame": np.arange(9, dtype=np.int32), "n_fixations": np.ones(9, np.int32)}
    for evaluation in grid.plan.evaluations.values():
        rows = pa.table(columns | {"NSS": np.linspace(1, 2, 9)})
        ledger.write_evaluation(evaluation, rows, {"seconds": 1.0, "unread": {}}, expected={"a": 9})
    remember(grid)
    return grid


def synchronised(out):
    told = []
    return sync(out, None, None, told.append), "\n".join(told)


def logged(out):
    """Kind and state of each run, but for the grid's own, and the number of points of each curve."""
    client = MlflowClient(f"sqlite:///{out / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("hd2s-grid-demo")
    found = [run for run in client.search_runs([experiment.experiment_id]) if run.data.tags["kind"] != "grid"]
    states = [(run.data.tags["kind"], run.info.status) for run in found]
    curves = [client.get_metric_history(run.info.run_id, "train/kld/saliency") for run in found]
    return sorted(states), sorted(map(len, filter(None, curves)))


# Two trainings with all points of their curves, two cells, each a row: nothing is missing or there twice.
ALL = [(kind, "FINISHED") for kind in ("cell", "summary", "training") for _ in range(2)], [29] * 2


def files(out):
    return {path.name: path.read_bytes() for path in (out / "results").iterdir()}


@pytest.mark.slow
def test_a_server_that_is_not_there_costs_nothing_and_a_later_sync_catches_up(small_demo):
    small_grid(small_demo)
    before = files(small_demo)
    for _ in range(2):
        with pytest.raises(
            ProblemError, match=r"--tracking-uri http://127\.0\.0\.1:9: expected an MLflow server"
        ):
            sync(small_demo, None, "http://127.0.0.1:9", lambda text: None)
    assert files(small_demo) == before
    assert synchronised(small_demo)[0] == DONE
    assert logged(small_demo) == ALL


@pytest.mark.slow
def test_a_damaged_result_is_named_and_follows_once_it_is_back(small_demo):
    grid = small_grid(small_demo)
    training, evaluation = list(grid.plan.trainings)[1], list(grid.plan.evaluations)[1]
    damaged = [grid.ledger.path("training", training), grid.ledger.path("evaluation", evaluation)]
    kept = [path.read_bytes() for path in damaged]
    for path in damaged:
        os.truncate(path, path.stat().st_size // 2)
    status, told = synchronised(small_demo)
    assert status == FAILED
    for path in damaged:
        assert f"{path}: expected a sound result of this project" in told
    assert "Traceback" not in told
    states, curves = logged(small_demo)
    assert (states.count(("cell", "FINISHED")), states.count(("training", "FINISHED"))) == (1, 1)
    assert curves == [29]
    for path, content in zip(damaged, kept, strict=True):
        path.write_bytes(content)
    assert synchronised(small_demo)[0] == DONE
    assert logged(small_demo) == ALL


@pytest.mark.slow
def test_a_disk_that_is_full_leaves_the_results_and_a_sync_with_room_brings_all(small_demo, tiny_disk):
    disk = tiny_disk("600k")
    for name in ("corpora", "manifests"):
        (disk / name).symlink_to(small_demo / name)
    small_grid(disk)
    before = files(disk)
    try:
        status, told = synchronised(disk)
    except ProblemError as error:
        status, told = FAILED, str(error)
    assert status == FAILED
    assert "room" in told or "full" in told
    assert "Traceback" not in told
    assert files(disk) == before
    subprocess.run(["mount", "-o", "remount,size=200m", str(disk)], check=True)
    assert synchronised(disk)[0] == DONE
    assert logged(disk) == ALL
