"""A grid whose model has been trained a little, once for all tests of evaluations."""

import pytest

from grid.results import output_folder
from grid.training.loop import fit
from tests.grid.conftest import in_a_folder_of_its_own
from tests.grid.grids import SMALLEST, Context, evaluation_job_of, few_clips_of, job_of, prepare_small


@pytest.fixture(scope="session")
def trained_once(demo_out, tmp_path_factory):
    """Not to be written to."""
    out = tmp_path_factory.mktemp("trained") / "out"
    out.mkdir()
    for name in (output_folder.CORPORA, output_folder.MANIFESTS):
        (out / name).symlink_to(demo_out / name)
    grid = prepare_small(out, *SMALLEST, targets="Hollywood2", approaches="generalization")
    fit(job_of(grid, "generalization"), Context())
    return grid


@pytest.fixture
def few(trained_once):
    """Two parts of a clip each, and a model that has been trained a little."""
    return few_clips_of(evaluation_job_of(trained_once, "generalization"), 2)


@pytest.fixture
def grid(trained_once, small_demo):
    """The grid in a folder of its own."""
    return in_a_folder_of_its_own(trained_once, small_demo)
