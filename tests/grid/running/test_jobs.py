"""A plan's units with their places and their shares of the machine, and the driver of all that is left."""

from dataclasses import replace
from pathlib import Path

import pytest

from grid.results import output_folder
from grid.running.events import Listener
from grid.running.jobs import evaluation_job, sweep, training_job
from grid.running.ray_cluster import nodes
from grid.running.schedule import Share
from hd2s.metrics import METRICS
from hd2s.training.execution import Execution
from manifests.problem import ProblemError
from tests.grid.grids import TINY, evaluation_job_of, prepare_small

MACHINE = Share(cpu=3, gpu=0, memory=8 * 2**30)


@pytest.fixture
def machine(monkeypatch):
    """What the one machine has, without Ray."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(nodes, "largest_node", lambda tell: MACHINE)
    monkeypatch.setattr(nodes, "capacity", lambda: MACHINE)


@pytest.fixture
def grid(small_demo):
    return prepare_small(small_demo, *TINY)


def test_a_training_has_its_specification_and_the_places_of_what_it_reads_and_writes(grid):
    out = grid.out.resolve()
    for training in grid.plan.trainings.values():
        job = training_job(grid, training)
        assert job.spec is training.spec
        assert dict(job.reads) == training.reads
        assert set(job.manifests) == {read.corpus for read in training.reads}
        assert all(
            place.open().digest == grid.manifests[corpus].digest for corpus, place in job.manifests.items()
        )
        assert job.weights == str(out / output_folder.checkpoint(training.id))
        assert job.parent == (training.parent and str(out / output_folder.checkpoint(training.parent)))
        assert (job.backbone, job.plugins, job.frames) == (None, (), str(out / output_folder.FRAMES))


def test_a_trainings_threads_are_its_settings_and_not_its_share_of_the_machine(small_demo):
    """With two processors instead of one its curve was off by 0.12, under one id."""
    settings = ("resources.loader_workers=3", "resources.execution.compile=false", "resources.train.cpu=8")
    grid = prepare_small(small_demo, *TINY, *settings, "frames.limit_gib=0.5", "train.checkpoint_every=7")
    training = next(iter(grid.plan.trainings.values()))
    job = training_job(grid, training)
    assert (job.loader_workers, job.spec.train.threads) == (3, 1)
    assert job.execution == Execution(compile=False)
    assert (job.frames_limit, job.checkpoint_every) == (2**29, 7)


def test_an_evaluation_has_every_test_clip_once_and_the_weights_of_its_training(grid):
    for evaluation in grid.plan.evaluations.values():
        job = evaluation_job(grid, evaluation, Share(cpu=2))
        clips = grid.manifests[evaluation.test].clips("test")
        assert job.expected == {clip.clip: clip.n_frames for clip in clips}
        assert sorted(clip for part in job.parts for clip in part) == sorted(job.expected)
        assert Path(job.weights).name == Path(output_folder.checkpoint(evaluation.training)).name
        assert job.protocol is evaluation.spec.protocol
        assert job.input == grid.plan.trainings[evaluation.training].spec.model.config.input
        assert (job.metrics, job.scorers, job.gpu, job.batch) == (METRICS, 2, False, 16)
        assert job.protocol.threads == 1
        on_gpu = evaluation_job(grid, evaluation, Share(cpu=2, gpu=0.5))
        assert (on_gpu.gpu, on_gpu.batch) == (True, 32)


def test_a_domain_specific_model_is_tested_by_the_tests_own_layers(small_demo):
    grid = prepare_small(
        small_demo,
        *TINY,
        "resources.evaluation_batch=3",
        sources="DHF1K, UCFSports",
        targets=None,
        approaches="domain-specific",
    )
    job = evaluation_job_of(grid, "domain-specific")
    assert (job.domain, job.batch) == ("DHF1K", 3)


def test_a_models_training_and_evaluation_look_at_what_the_model_does(small_demo):
    grid = prepare_small(small_demo, "model=[hd2s,centre_prior]", *TINY, approaches="generalization")
    found = {unit.model: training_job(grid, unit) for unit in grid.plan.trainings.values()}
    spans = {model: {read.clip_length for read, _ in job.reads} for model, job in found.items()}
    assert spans == {"hd2s": {8}, "centre_prior": {1}}
    inputs = {evaluation_job_of(grid, word).input.frames for word in ("generalization", "untrained")}
    assert inputs == {8, 1}


def test_a_sweep_drives_what_is_not_done(grid, machine):
    done = {next(iter(grid.plan.evaluations)), *grid.plan.trainings}
    driver = sweep(grid, done, Listener())
    assert set(driver.trainings) == set(grid.plan.trainings)
    assert driver.schedule.done == done
    assert driver.schedule.train == Share(cpu=1, memory=2.5 * 2**30)
    started = [driver.schedule.start_part() for _ in range(2)]
    assert {evaluation.id for evaluation, _ in started} == set(grid.plan.evaluations) - done


def test_a_training_of_two_workers_takes_two_shares(grid, machine):
    wide = replace(grid.config, train=replace(grid.config.train, world_size=2))
    driver = sweep(replace(grid, config=wide), (), Listener())
    assert driver.schedule.train == Share(cpu=2, memory=5 * 2**30)


def test_all_workers_of_a_training_are_at_once_on_this_machine(grid, machine):
    """Ray Train would wait for the last one without end, and say nothing."""
    wide = replace(grid.config, train=replace(grid.config.train, world_size=7))
    driver = sweep(replace(grid, config=wide), (), Listener())
    each = Share.of(wide.resources.train, MACHINE, 7)
    assert each.cpu == 0.4285, "seven of 0.42857, which Ray would take for 0.4286, are more than three"
    assert driver.schedule.train == each * 7
    assert driver.schedule.train.fits(MACHINE)


def test_workers_that_have_more_gpus_than_the_machine_are_told(small_demo, monkeypatch):
    one = Share(cpu=8, gpu=1, memory=64 * 2**30)
    monkeypatch.setattr(nodes, "largest_node", lambda tell: one)
    monkeypatch.setattr(nodes, "capacity", lambda: one)
    grid = prepare_small(small_demo, *TINY, "train.accumulate=2", "train.world_size=2")
    with pytest.raises(ProblemError, match=r"resources\.train\.gpu: expected at most 1 .*found 2"):
        sweep(grid, (), Listener())


def test_accelerators_that_this_machine_lacks_are_told_before_anything_starts(small_demo, machine):
    grid = prepare_small(small_demo, *TINY, "resources.train.gpu=2", "resources.evaluate.gpu=0.5")
    with pytest.raises(ProblemError) as caught:
        sweep(grid, (), Listener())
    assert [(p.where, p.found) for p in caught.value.problems] == [
        ("resources.train.gpu", "2"),
        ("resources.evaluate.gpu", "0.5"),
    ]
