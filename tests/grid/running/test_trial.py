"""A training as a trial: what its workers are given, and what Tune hears of its end."""

import gc
import weakref
from dataclasses import replace

import pytest
from ray.exceptions import ActorDiedError
from ray.train import ScalingConfig, UserCallback, WorkerGroupError

from grid.results import output_folder
from grid.results.unit_results import Stopped, Stops
from grid.running import trial as trial_module
from grid.running.schedule import Share
from grid.running.trial import trial
from grid.training import ray_worker
from tests.grid.grids import job_of, prepare_small, with_train
from tests.grid.ray_in_process import Trainer, TrainSession

SHARE = Share(cpu=2, gpu=0, memory=3 * 2**30)


@pytest.fixture
def heard(monkeypatch):
    """What Tune hears; trainers run their workers in this process, and are kept."""
    session, found, trainers = TrainSession(), [], []

    class KeptTrainer(Trainer):
        def __init__(self, *given, **asked):
            super().__init__(*given, **asked)
            trainers.append(self)

    monkeypatch.setattr(ray_worker, "train", session)
    monkeypatch.setattr(ray_worker, "get_device", session.get_device)
    monkeypatch.setattr(trial_module, "TorchTrainer", KeptTrainer)
    # Ray's own asks whether Tune runs.
    monkeypatch.setattr(trial_module, "TuneReportCallback", UserCallback)
    monkeypatch.setattr(trial_module.tune, "report", found.append)
    monkeypatch.setattr(trial_module.ray_retry, "give_back_abandoned", lambda: None)
    return found, trainers


@pytest.fixture
def grid(small_demo, few, monkeypatch):
    monkeypatch.chdir(small_demo)
    return prepare_small(small_demo, *few, "train.iterations=1", "train.validate_every=1")


def run(grid, job, share=SHARE, *, here=False):
    places = {"jobs": {job.id: job}, "share": share, "storage": grid.storage}
    trial({"training": job.id}, **places, failures=2, here=here)


def test_a_trial_reports_the_summary_of_its_training(grid, heard):
    run(grid, job_of(grid, "generalization"))
    (told,), (trainer,) = heard
    summary = told["summary"]
    assert summary["best_step"] == 1
    assert {row["name"] for row in summary["curve"]} >= {"val/kld", "train/kld/saliency"}
    scaling = trainer.asked["scaling_config"]
    assert scaling == ScalingConfig(
        num_workers=1, use_gpu=False, resources_per_worker={"CPU": 2, "memory": 3 * 2**30}
    )
    assert trainer.asked["run_config"].failure_config.max_failures == 2
    assert trainer.asked["run_config"].callbacks, "Ray Train's workers tell Tune through it"


def test_on_this_machines_processors_it_trains_in_the_trials_own_process(grid, heard, monkeypatch):
    monkeypatch.setattr(ray_worker, "get_device", lambda: pytest.fail("asked Ray, which may find another"))
    monkeypatch.setattr(ray_worker.train, "report", lambda told: pytest.fail("told a worker group"))
    run(grid, job_of(grid, "generalization"), here=True)
    *progress, told = heard[0]
    assert [row for each in progress for row in each["rows"]] == told["summary"]["curve"]
    (trainer,) = heard[1]
    assert trainer.asked["scaling_config"] == ScalingConfig(num_workers=0)
    assert not trainer.asked["run_config"].callbacks, "each would start a process that listens"


def test_what_refers_to_itself_does_not_stay_in_a_trials_own_process(grid, heard, monkeypatch):
    class Cyclic:
        pass

    real, left = ray_worker.fit, []

    def fit(job, context):
        cycle = Cyclic()
        cycle.itself = cycle
        left.append(weakref.ref(cycle))
        return real(job, context)

    monkeypatch.setattr(ray_worker, "fit", fit)
    gc.disable()
    try:
        run(grid, job_of(grid, "generalization"), here=True)
    finally:
        gc.enable()
    assert left[0]() is None


def test_several_workers_have_processes_of_their_own_also_on_this_machine(grid, heard, monkeypatch):
    monkeypatch.setattr(Trainer, "fit", lambda self: pytest.fail("started"))
    job = with_train(job_of(grid, "generalization"), world_size=2, accumulate=2)
    with pytest.raises(pytest.fail.Exception, match="started"):
        run(grid, job, here=True)
    (trainer,) = heard[1]
    assert (trainer.asked["scaling_config"].num_workers, trainer.config["here"]) == (2, False)


@pytest.mark.parametrize(("times", "kind"), [(2, "summary"), (3, "failure")])
def test_what_may_pass_is_tried_again_in_the_trials_own_process(grid, heard, monkeypatch, times, kind):
    real, left = ray_worker.fit, [RuntimeError("out of memory")] * times

    def fit(job, context):
        if left:
            raise left.pop()
        return real(job, context)

    monkeypatch.setattr(ray_worker, "fit", fit)
    run(grid, job_of(grid, "generalization"), here=True)
    assert heard[0][-1].keys() == {kind}
    assert not left
    assert kind == "summary" or "RuntimeError: out of memory" in heard[0][-1]["failure"]


def test_every_worker_of_a_training_takes_a_share_of_its_own(grid, heard, monkeypatch):
    monkeypatch.setattr(Trainer, "fit", lambda self: pytest.fail("started"))
    job = with_train(job_of(grid, "generalization"), world_size=2, accumulate=2)
    with pytest.raises(pytest.fail.Exception, match="started"):
        run(grid, job, Share(cpu=1, gpu=0.5))
    (trainer,) = heard[1]
    assert trainer.asked["scaling_config"] == ScalingConfig(
        num_workers=2, use_gpu=True, resources_per_worker={"CPU": 1, "GPU": 0.5}
    )


def test_a_training_that_fails_of_itself_is_told_with_the_workers_words(grid, heard):
    run(grid, with_train(job_of(grid, "generalization"), lr=1e30))
    (told,) = heard[0]
    assert told.keys() == {"failure"}
    assert "the validation KLD on DHF1K is nan" in told["failure"]


@pytest.mark.parametrize(
    ("failures", "answer", "expected"),
    [
        ([RuntimeError("CUDA error")], "", "failure: CUDA error"),
        ([RuntimeError("CUDA error"), ActorDiedError()], "", "failure: CUDA error"),
        ([ActorDiedError()], "", "interrupted: its workers' processes were ended"),
        ([OSError("no answer")], "s3://b: no answer", "interrupted: s3://b: no answer"),
    ],
)
def test_what_workers_raise_is_a_failure_and_what_ends_them_is_not(grid, heard, failures, answer, expected):
    def end(trainer):
        raise WorkerGroupError(str(failures[0]), dict(enumerate(failures)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "fit", end)
        patch.setattr(type(grid.storage), "silent", lambda storage: answer)
        run(grid, job_of(grid, "generalization"))
    ((kind, told),) = heard[0][0].items()
    assert expected.partition(": ")[2] in told
    assert expected.startswith(kind)


@pytest.mark.slow
def test_what_a_kill_has_left_among_the_states_is_gone_before_workers_start(grid, heard):
    job = job_of(grid, "generalization")
    half = grid.out / output_folder.states(job.id) / "checkpoint_00000004_half" / ".state.pt.123"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    run(grid, job)
    assert not half.parent.exists()


def test_a_trial_tells_where_its_training_was_stopped(grid, heard):
    job = replace(with_train(job_of(grid, "generalization"), iterations=2), may_stop=True)
    Stops(grid.out, grid.storage, {}).write(job.id, Stopped(1, 2, 9.0))
    run(grid, job)
    assert heard[0] == [{"stopped": 1}]
