"""What a training starts with is the file that its id was made of, and nothing that lies in its place."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from grid.training.starting import starting_model
from hd2s import build_model, save_weights
from manifests.problem import ExchangedError
from tests.grid.grids import job_of, prepare_small, same


@pytest.fixture
def grid(small_demo, few):
    return prepare_small(small_demo, *few, approaches="generalization, transfer")


def weights_by(job, path, training, seed):
    model = build_model(job.spec.model.name, seed=seed, **job.spec.model.options)
    save_weights(model, path, training=training)
    return model.state_dict()


def test_a_child_starts_from_its_parents_weights_and_from_no_other_trainings(grid):
    child = job_of(grid, "transfer")
    state = weights_by(child, child.parent, child.spec.parent, seed=7)
    assert same(starting_model(child).state_dict(), state)
    weights_by(child, child.parent, "hd2s-generalization-of-another-seed", seed=8)
    with pytest.raises(ExchangedError, match=r"weights of .*, found those of hd2s-generalization-of-another"):
        starting_model(child)


def test_initial_weights_that_were_exchanged_are_told(grid, tmp_path):
    job = job_of(grid, "generalization")
    file = tmp_path / "initial.pt"
    weights_by(job, file, "", seed=3)
    digest = hashlib.sha256(Path(file).read_bytes()).hexdigest()
    spec = replace(job.spec, model=replace(job.spec.model, weights=digest))
    job = replace(job, spec=spec, backbone=str(file))
    starting_model(job)
    weights_by(job, file, "", seed=4)
    with pytest.raises(ExchangedError, match=rf"digest {digest[:12]}, found digest .*exchanged since"):
        starting_model(job)


def test_without_either_it_is_new_and_of_its_seed(grid):
    job = job_of(grid, "generalization")
    expected = build_model(job.spec.model.name, seed=job.spec.seed, **job.spec.model.options)
    assert same(starting_model(job).state_dict(), expected.state_dict())
