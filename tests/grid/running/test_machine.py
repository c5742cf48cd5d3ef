"""What trainings need of this machine, and that it says so where it lacks that."""

import shutil

import pytest
import torch

from datasets.loading import batch_memory
from grid.running.machine import check_precision, check_shared_memory
from manifests.problem import ProblemError
from tests.grid.grids import TINY, prepare_small


def check(out, *overrides):
    grid = prepare_small(out, *overrides)
    check_precision(grid, grid.plan.trainings.values())


def test_trainings_in_bfloat16_are_refused_on_processors(small_demo):
    with pytest.raises(ProblemError, match=r"none for 3 of them\. Give train\.mixed_precision=false"):
        check(small_demo, "train.mixed_precision=true", "resources.train.gpu=0")
    check(small_demo, "train.mixed_precision=false", "resources.train.gpu=0")


def test_a_model_without_weights_computes_in_nothing_and_needs_no_gpu(small_demo):
    mixed = ("train.mixed_precision=true", "resources.train.gpu=0")
    check(small_demo, "model=centre_prior", *mixed)
    with pytest.raises(ProblemError, match="none for 3 of them"):
        check(small_demo, "model=[hd2s,centre_prior]", *TINY, *mixed)


def test_a_cluster_may_have_the_gpus_that_this_machine_lacks(small_demo, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(ProblemError, match="a GPU for trainings in bfloat16"):
        check(small_demo, "train.mixed_precision=true")
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    check(small_demo, "train.mixed_precision=true")


@pytest.fixture
def shared_mib(monkeypatch):
    """Lets /dev/shm have so much left."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def leave(mib):
        usage = shutil.disk_usage("/")._replace(free=int(mib * 2**20))
        monkeypatch.setattr(batch_memory.shutil, "disk_usage", lambda path: usage)

    return leave


def test_what_loaders_share_is_counted_for_trainings_side_by_side(small_demo, shared_mib):
    """TINY batches of 2 × 8 × 32 × 32 pixels, six of them each of source and target."""
    grid = prepare_small(small_demo, "resources.loader_workers=2")
    trainings = list(grid.plan.trainings.values())
    window, batch = trainings[0].spec.model.config.input, grid.config.train.micro_batch
    pixels = batch * window.height * window.width
    labelled, unlabelled = pixels * (3 * window.frames + 1), pixels * 3 * window.frames
    most = 6 * (labelled + unlabelled) / 2**20
    shared_mib(3 * most)
    check_shared_memory(grid, trainings, at_once=3)
    shared_mib(3 * most - 0.01)
    with pytest.raises(ProblemError, match=r"loader_workers=2: expected .* MiB for batches.*--shm-size=2g"):
        check_shared_memory(grid, trainings, at_once=3)
    check_shared_memory(grid, trainings, at_once=2)


def test_without_loaders_or_on_a_cluster_no_memory_is_shared_here(small_demo, shared_mib, monkeypatch):
    shared_mib(0)
    grid = prepare_small(small_demo, "resources.loader_workers=0")
    check_shared_memory(grid, grid.plan.trainings.values())
    grid = prepare_small(small_demo, "resources.loader_workers=1")
    with pytest.raises(ProblemError, match=r"0\.0 MiB free"):
        check_shared_memory(grid, grid.plan.trainings.values())
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    check_shared_memory(grid, grid.plan.trainings.values())
