"""A training in Ray Train's worker: what it brings, writes and reports, and which errors end it for good."""

import re
from dataclasses import replace

import pytest
import torch

from grid.results import output_folder
from grid.results.unit_results import Stopped, Stops
from grid.training import ray_worker
from grid.training.ray_worker import worker
from grid.training.states import SavedStates
from hd2s.weights.checkpoints import WeightsError
from manifests.problem import Problem, ProblemError
from tests.grid.grids import job_of, prepare_small, same, weights_of, with_train
from tests.grid.ray_in_process import TrainSession


@pytest.fixture
def session(monkeypatch):
    found = TrainSession()
    monkeypatch.setattr(ray_worker, "train", found)
    monkeypatch.setattr(ray_worker, "get_device", found.get_device)
    return found


@pytest.fixture
def grid(small_demo, few):
    return prepare_small(small_demo, *few, "train.checkpoint_every=1", "train.iterations=3")


@pytest.mark.slow
def test_a_worker_trains_reports_every_row_and_leaves_states_to_go_on_from(grid, session):
    job = job_of(grid, "generalization")
    summary = worker({"job": job, "storage": grid.storage})
    assert [row for told in session.reported for row in told["rows"]] == summary["curve"]
    assert summary["iterations"] == 3
    states = sorted((grid.out / output_folder.states(job.id)).iterdir())
    assert [path.name[:19] for path in states] == ["checkpoint_00000001", "checkpoint_00000002"]
    weights = weights_of(job)
    session.reported.clear()
    again = worker({"job": job, "storage": grid.storage})
    assert (again["resumed"], again["curve"]) == (1, summary["curve"])
    assert {row["step"] for told in session.reported for row in told["rows"]} == {3}
    assert same(weights, weights_of(job))


@pytest.mark.slow
def test_of_several_workers_the_first_alone_writes(grid, session):
    session.rank = 1
    job = with_train(job_of(grid, "generalization"), world_size=2, accumulate=2)
    worker({"job": job, "storage": grid.storage})
    assert session.reported
    assert not grid.storage.exists(job.weights)
    assert not (grid.out / output_folder.states(job.id)).exists()


def test_what_would_happen_again_is_returned_with_its_reason(grid, session):
    broken = with_train(job_of(grid, "generalization"), lr=1e38)
    told = worker({"job": broken, "storage": grid.storage})["error"]
    assert re.search(r"TrainingError: .*Iteration \d: .*not finite", told)


def test_a_parent_of_another_shape_is_told_without_a_traceback(grid, session):
    child = job_of(grid, "transfer")
    path = grid.storage.path(child.parent)
    path.parent.mkdir(parents=True)
    torch.save({"format": "none of ours"}, path)
    told = worker({"job": child, "storage": grid.storage})["error"]
    assert str(path) in told
    assert "Traceback" not in told


@pytest.mark.parametrize("error", [OSError("no such host"), RuntimeError("CUDA out of memory")])
def test_what_the_machine_may_have_done_is_raised_so_that_ray_starts_again(grid, session, monkeypatch, error):
    def broken(job, context):
        raise error

    monkeypatch.setattr(ray_worker, "fit", broken)
    with pytest.raises(type(error), match=str(error)):
        worker({"job": job_of(grid, "generalization"), "storage": grid.storage})


@pytest.mark.parametrize(
    "error", [ProblemError(Problem("clip 7", "20 frames", "3", "Index it again.")), WeightsError("missing x")]
)
def test_a_problem_tells_itself(grid, session, monkeypatch, error):
    def broken(job, context):
        raise error

    monkeypatch.setattr(ray_worker, "fit", broken)
    assert worker({"job": job_of(grid, "generalization"), "storage": grid.storage}) == {"error": str(error)}


def test_a_lost_manifest_is_told_before_anything_is_trained(grid, session, tmp_path):
    job = job_of(grid, "generalization")
    lost = {name: replace(place, folder=str(tmp_path / "gone")) for name, place in job.manifests.items()}
    told = worker({"job": replace(job, manifests=lost), "storage": grid.storage})["error"]
    assert str(tmp_path / "gone") in told
    assert session.reported == []


def test_a_worker_that_finds_its_training_stopped_ends_without_weights(grid, session):
    job = replace(job_of(grid, "generalization"), may_stop=True)
    Stops(grid.out, grid.storage, {}).write(job.id, Stopped(1, 3, 9.0))
    assert worker({"job": job, "storage": grid.storage}) == {"stopped": 1}
    (state,) = (grid.out / output_folder.states(job.id)).iterdir()
    assert state.name.startswith("checkpoint_00000001")
    assert not grid.storage.exists(job.weights)


def test_workers_do_not_go_on_from_unlike_states(grid, session, monkeypatch):
    """One may have read before a state of a worker that was given up was there, and the other after it."""
    monkeypatch.setattr(
        ray_worker.distributed, "all_reduce", lambda ends, op: ends.copy_(ends.maximum(others))
    )
    session.workers = 2
    states = SavedStates(grid.storage, "a")
    states.save(4, {"progress": {"step": 4}})
    others = torch.tensor([4.0, -4.0])
    assert ray_worker._RayContext(states, here=False).latest() == {"progress": {"step": 4}}
    others = torch.tensor([6.0, -6.0])
    with pytest.raises(RuntimeError, match="unlike states, of the iterations 4 and 6"):
        ray_worker._RayContext(states, here=False).latest()
    with pytest.raises(RuntimeError, match="unlike states, of the iterations 0 and 6"):
        ray_worker._RayContext(SavedStates(grid.storage, "b"), here=False).latest()


def test_a_worker_ends_with_the_others(grid, session, monkeypatch):
    """Which of them sees the file first may differ: one that does ends all."""
    monkeypatch.setattr(ray_worker.distributed, "all_reduce", lambda found, op: found.fill_(1.0))
    session.workers = 2
    states = SavedStates(grid.storage, "a")
    assert ray_worker._RayContext(states, here=False).stopped()
    assert not ray_worker._RayContext(states, here=True).stopped()
    session.workers = 1
    assert not ray_worker._RayContext(states, here=False).stopped()
