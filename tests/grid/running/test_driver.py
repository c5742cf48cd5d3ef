"""What the driver does of a grid, and what it leaves alone; trials and tasks run in this process."""

import os
import signal
from dataclasses import replace

import pytest

from grid.results import output_folder
from grid.running import driver as driver_module
from grid.running import evaluation_tasks, tune_hooks
from grid.running.driver import Driver
from grid.running.ray_cluster import ray_session
from tests.grid.grids import ONE, evaluation_job_of
from tests.grid.invented import table5
from tests.grid.ray_in_process import Tasks, Tuner
from tests.grid.recording import recording


@pytest.fixture
def tasks(monkeypatch):
    found = Tasks()
    monkeypatch.setattr(evaluation_tasks, "ray", found)
    monkeypatch.setattr(driver_module.tune, "Tuner", Tuner)
    return found


def driver_of(recorder, storage, evaluations):
    """A driver of what such a recorder would record."""
    return Driver(
        recorder.schedule,
        recorder.ledger,
        recorder.listener,
        storage=storage,
        trainings={},
        evaluations={job.id: job for job in evaluations},
        worker=ONE,
        local=True,
        failures=0,
    )


def test_a_grid_that_is_done_starts_nothing(tasks, tmp_path):
    plan = table5()
    recorder = recording(plan, tmp_path, done={*plan.trainings, *plan.evaluations})
    driver_of(recorder, recorder.ledger.storage, []).run()
    assert recorder.listener.heard == []
    assert tasks.started == []


@pytest.mark.slow
def test_trainings_that_are_done_are_evaluated_without_tune(tasks, trained_grid, monkeypatch):
    monkeypatch.setattr(driver_module.tune, "Tuner", None)
    recorder = recording(trained_grid.plan, trained_grid.out, done=trained_grid.plan.trainings)
    job = evaluation_job_of(trained_grid, "generalization")
    clip = min(job.expected, key=job.expected.get)
    job = replace(job, expected={clip: job.expected[clip]}, parts=((clip,),))
    driver_of(recorder, trained_grid.storage, [job]).run()
    assert trained_grid.ledger.evaluation_done(job.id)
    assert [event for event, *_ in recorder.listener.heard] == ["started", "finished"]


def test_every_training_is_a_trial_and_a_failed_one_retires_its_children(tasks, tmp_path, monkeypatch):
    plan = table5()
    recorder = recording(plan, tmp_path, done=plan.evaluations)
    broken = next(unit for unit in plan.trainings.values() if plan.descendants(unit.id))
    during = []

    def trial(config, *, jobs, share, storage, failures, here):
        (tmp_path / output_folder.TUNE).mkdir(parents=True, exist_ok=True)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as Tune does
        during.append(config["training"])
        assert here == (share.gpu == 0)
        if config["training"] == broken.id:
            return {"failure": "no room"}
        weights = storage.path(output_folder.checkpoint(config["training"]))
        weights.parent.mkdir(exist_ok=True)
        weights.write_bytes(b"weights")
        return {"summary": {"best_kld": 1.0, "curve": [{"step": 1, "name": "val/kld", "value": 1.0}]}}

    monkeypatch.setattr(driver_module, "trial", trial)
    before = signal.getsignal(signal.SIGINT)
    driver = driver_of(recorder, recorder.ledger.storage, [])
    driver.run()
    assert signal.getsignal(signal.SIGINT) == before, "the next interruption is heard"
    assert not (tmp_path / output_folder.TUNE).exists()
    lost = {broken.id, *plan.descendants(broken.id)}
    assert set(during) == plan.trainings.keys() - lost | {broken.id}
    assert {unit for unit in plan.trainings if recorder.ledger.training_done(unit)} == set(during) - lost
    assert driver.schedule.over()


@pytest.mark.ray
@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_training_that_tune_gives_a_dead_process_is_given_another(tmp_path, monkeypatch):
    """Tune keeps the process of a trial for the next; each of the first four is killed while it is kept."""
    plan, killed = table5(), []
    recorder = recording(plan, tmp_path, done=plan.evaluations)

    def trial(config, *, jobs, share, storage, failures, here):
        import os
        import time

        weights = storage.path(f"checkpoints/{config['training']}.pt")
        weights.parent.mkdir(exist_ok=True)
        weights.write_bytes(str(os.getpid()).encode())
        time.sleep(0.5)
        return {"summary": {"best_kld": 1.0, "curve": [{"step": 1, "name": "val/kld", "value": 1.0}]}}

    def complete(self, iteration, trials, trial, **info):
        recorded(self, iteration, trials, trial, **info)
        weights = recorder.ledger.storage.path(output_folder.checkpoint(trial.config["training"]))
        if len(killed) < 4:
            killed.append(int(weights.read_bytes()))
            os.kill(killed[-1], signal.SIGKILL)

    recorded = tune_hooks.TrialCallback.on_trial_complete
    monkeypatch.setattr(driver_module, "trial", trial)
    monkeypatch.setattr(tune_hooks.TrialCallback, "on_trial_complete", complete)
    with ray_session.session():
        driver = driver_of(recorder, recorder.ledger.storage, [])
        driver.run()
    assert len(set(killed)) == 4
    assert driver.recorder.reasons == {}
    assert all(map(recorder.ledger.training_done, plan.trainings))
