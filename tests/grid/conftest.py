"""A small grid that is trained and evaluated once for all tests that only look at such a one."""

import shutil
from dataclasses import replace

import pytest

from grid.results import output_folder
from hd2s.models.registry import register
from tests.grid.grids import TINY, Context, evaluation_job_of, job_of, prepare_small
from tests.hd2s.models.few_weights import FEW


@pytest.fixture(scope="session", autouse=True)
def stores_that_need_not_survive_the_machine():
    """Let SQLite leave it to the system when it writes: hundreds of small commits wait for no disk."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def hasten(connection, record):
        if type(connection).__module__ == "sqlite3":
            connection.execute("PRAGMA synchronous = OFF")

    event.listen(Engine, "connect", hasten)
    yield
    event.remove(Engine, "connect", hasten)


@pytest.fixture
def few():
    """The settings of a model of few weights, for tests to which any model will do."""
    register(FEW)
    return [f"model={FEW.word}", "model.height=32", "model.width=32"]


@pytest.fixture(scope="session")
def evaluated(demo_out, tmp_path_factory):
    """A grid of one training and one evaluation, both done; not to be written to."""
    from grid.evaluation.evaluate import evaluate_part
    from grid.training.loop import fit

    out = tmp_path_factory.mktemp("evaluated") / "out"
    out.mkdir()
    for name in (output_folder.CORPORA, output_folder.MANIFESTS):
        (out / name).symlink_to(demo_out / name)
    # After four iterations a processor may find maps of one grey level in 8 bits, which have no scores.
    overrides = (*TINY, "test.eight_bit=false", "tracking.models=none")
    grid = prepare_small(out, *overrides, approaches="generalization")
    (training,), (evaluation,) = grid.plan.trainings.values(), grid.plan.evaluations.values()
    summary = fit(job_of(grid, "generalization"), Context())
    curve = summary.pop("curve")
    checkpoint = output_folder.checkpoint(training.id)
    grid.ledger.write_training(training, curve, summary | {"checkpoint": checkpoint})
    scoring = evaluation_job_of(grid, "generalization")
    frames, told, expected = scoring.gather([evaluate_part(scoring, 0)])
    grid.ledger.write_evaluation(evaluation, frames, told, expected=expected)
    return grid


def in_a_folder_of_its_own(grid, out, *kinds):
    """The grid with the results of these kinds alone, in an output folder that shares what is large."""
    (out / output_folder.FRAMES).symlink_to(grid.out / output_folder.FRAMES)
    (out / output_folder.CHECKPOINTS).mkdir()
    for weights in (grid.out / output_folder.CHECKPOINTS).iterdir():
        # What a symbolic link leads to would lie outside the output folder.
        (out / output_folder.CHECKPOINTS / weights.name).hardlink_to(weights)
    own = replace(grid, out=out)
    for kind, units in (("training", grid.plan.trainings), ("evaluation", grid.plan.evaluations)):
        for unit in units if kind in kinds else ():
            place = own.ledger.path(kind, unit)
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(grid.ledger.path(kind, unit).read_bytes())
    return own


@pytest.fixture
def trained_grid(evaluated, small_demo):
    """A grid of one training, which is done, and one evaluation, which is not."""
    return in_a_folder_of_its_own(evaluated, small_demo, "training")


@pytest.fixture
def done_grid(evaluated, small_demo):
    """A grid of one training and one evaluation, both done."""
    return in_a_folder_of_its_own(evaluated, small_demo, "training", "evaluation")


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """The file of a store of MLflow's in which there is nothing yet: making one takes seconds."""
    from grid.tracking.local_store import make_ready

    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    make_ready(f"sqlite:///{file}")
    return file


@pytest.fixture
def new_store(empty_store):
    """Puts an empty store into a folder, where MLflow would make one, and gives its address."""

    def put(out):
        out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(empty_store, out / output_folder.MLFLOW_STORE)
        return f"sqlite:///{out / output_folder.MLFLOW_STORE}"

    return put
