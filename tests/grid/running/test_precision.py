"""bfloat16 needs a GPU, and a machine without one says so before anything is decoded or started."""

import pytest
import torch

from grid.running.precision import check_precision
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
