"""Evaluations part by part: the tasks themselves are real, and run in this process in place of Ray's."""

from dataclasses import replace

import pytest
from ray.exceptions import WorkerCrashedError

from grid.results import output_folder
from grid.results.storage import Storage
from grid.running import evaluation_tasks
from grid.running.evaluation_tasks import EvaluationTasks
from manifests.problem import ExchangedError, Problem
from tests.grid.grids import evaluation_job_of
from tests.grid.ray_in_process import Tasks
from tests.grid.recording import recording


@pytest.fixture
def ray(monkeypatch):
    found = Tasks()
    monkeypatch.setattr(evaluation_tasks, "ray", found)
    return found


def tasks_of(grid, parts=2, n_clips=None, **changes):
    """The tasks of a grid whose trainings are done, and who records what becomes of them."""
    job = evaluation_job_of(grid, "generalization")
    clips = sorted(job.expected, key=job.expected.get)[:n_clips]
    job = replace(job, parts=tuple(tuple(clips[n::parts]) for n in range(parts)), **changes)
    recorder = recording(grid.plan, grid.out, done=grid.plan.trainings, parts=parts)
    return recorder, EvaluationTasks(recorder.schedule, recorder, {job.id: job}, grid.storage, failures=1)


def pump_until_over(recorder, tasks):
    for _ in range(9):
        if recorder.schedule.over():
            return
        tasks.pump()
    pytest.fail("the evaluations do not end")


@pytest.mark.slow
def test_parts_run_side_by_side_and_become_the_result_that_one_alone_does(ray, trained_grid, evaluated):
    recorder, tasks = tasks_of(trained_grid)
    (evaluation,) = trained_grid.plan.evaluations.values()
    tasks.pump()
    assert [task.arguments[1] for task in ray.started] == [0, 1], "as many as the machine has room for"
    assert recorder.listener.heard == [("started", evaluation.id)]
    pump_until_over(recorder, tasks)
    found, expected = (grid.ledger.read_evaluation(evaluation.id) for grid in (trained_grid, evaluated))
    assert found.frames.equals(expected.frames), "to the bit"
    assert recorder.listener.heard[1:] == [("finished", evaluation.id, expected.scores["NSS"])]
    assert not (trained_grid.out / output_folder.parts(evaluation.id)).exists()
    assert len(list((trained_grid.out / output_folder.pictures(evaluation.id)).iterdir())) == 3


def test_a_part_that_fails_is_the_evaluations_failure_once(ray, trained_grid):
    recorder, tasks = tasks_of(trained_grid, weights=str(trained_grid.out / "gone.pt"))
    (evaluation,) = trained_grid.plan.evaluations
    pump_until_over(recorder, tasks)
    file = recorder.ledger.failure(evaluation)
    assert recorder.listener.heard == [("started", evaluation), ("failed", evaluation, file)]
    assert "gone.pt" in file.read_text()
    tasks.pump()
    assert [task.body.__name__ for task in ray.started] == ["do_part"] * 2, "nothing is made of the other"
    assert recorder.schedule.running == {}


@pytest.mark.parametrize(
    "error", [WorkerCrashedError(), ExchangedError(Problem("m", "old", "new", "Run it again."))]
)
def test_what_ends_or_misleads_a_part_is_no_failure_of_the_evaluation(ray, trained_grid, monkeypatch, error):
    def part(job, number, storage):
        raise error

    monkeypatch.setattr(evaluation_tasks, "do_part", part)
    recorder, tasks = tasks_of(trained_grid)
    (evaluation,) = trained_grid.plan.evaluations.values()
    pump_until_over(recorder, tasks)
    assert recorder.listener.heard == [("started", evaluation.id), ("interrupted", evaluation.id, str(error))]
    assert recorder.reasons == {evaluation.label: str(error)}
    assert recorder.ledger.failure(evaluation.id) is None


@pytest.mark.parametrize("url", ["", "file:///storage"])
def test_what_a_url_refused_once_is_no_failure_of_the_evaluation(ray, trained_grid, monkeypatch, url):
    def part(job, number, storage):
        raise OSError("the url did not answer")

    monkeypatch.setattr(evaluation_tasks, "do_part", part)
    monkeypatch.setattr(Storage, "silent", lambda storage: "")
    recorder, tasks = tasks_of(trained_grid)
    tasks._storage = replace(trained_grid.storage, url=url)
    (evaluation,) = trained_grid.plan.evaluations
    pump_until_over(recorder, tasks)
    _, (event, unit, *_) = recorder.listener.heard
    assert (event, unit) == ("interrupted" if url else "failed", evaluation)


def test_a_result_that_is_refused_is_the_evaluations_failure(ray, trained_grid):
    recorder, tasks = tasks_of(trained_grid, n_clips=2)
    (evaluation,) = trained_grid.plan.evaluations
    pump_until_over(recorder, tasks)
    text = recorder.ledger.failure(evaluation).read_text()
    assert "frames once, found" in text
    assert "Traceback" not in text
    assert (trained_grid.out / output_folder.part(evaluation, 0)).exists(), "what was scored stays"


def test_a_task_takes_what_an_evaluation_was_promised(ray, trained_grid):
    _, tasks = tasks_of(trained_grid, n_clips=2)
    tasks.pump()
    assert ray.started[0].wanted == {"num_cpus": 1, "num_gpus": 0.0, "memory": 0, "max_retries": 1}
