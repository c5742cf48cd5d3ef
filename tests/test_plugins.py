"""A lab's own model, approach, corpus and metric, each one file of a folder beside the project."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

import run_grid
from grid.commands.cost import estimate
from grid.commands.devices import processor
from grid.commands.run import compile_grid
from grid.evaluation.evaluate import evaluate_part
from grid.planning.prepare import prepare
from grid.running.jobs import evaluation_job, training_job
from grid.training.loop import _Fitting, fit
from hd2s.prediction.open_checkpoint import open_checkpoint
from manifests import ProblemError
from tests.datasets.small_corpora import four_digits, moving_square, write_fixations, write_png
from tests.grid.grids import ONE, Context, assert_goes_on_exactly
from tests.hd2s.models.small_models import predict_clip
from tests.places import REPOSITORY
from tests.plugged import OURS

SPEC = """
name: plugged
title: A grid of one's own
metrics: [NSS, KLD, hits]
models: [tiny, centre_prior]
sources: [TinyClips]
targets: [Hollywood2]
tests: [source]
approaches: [generalization, mirror]
"""
SHORT = ["train.iterations=4", "train.validate_every=2", "train.micro_batch=2", "train.accumulate=1"]
SHORT += ["train.mixed_precision=false", "train.checkpoint_every=2", "resources.loader_workers=0"]
SHORT += ["test.eight_bit=false", "model.tiny.channels=4"]


def run(*command: str, cwd: Path, **options) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@pytest.fixture(scope="module")
def corpora(tmp_path_factory, demo_out):
    """The plug-in's corpus on disk, indexed by the command; overrides that name all that a grid needs."""
    place = tmp_path_factory.mktemp("lab")
    for split, n_clips in (("train", 2), ("val", 1), ("test", 2)):
        for clip in range(n_clips):
            folder, names = place / "TinyClips" / split / f"{split}{clip}", four_digits(6)
            for name, image in zip(names, moving_square(6), strict=True):
                write_png(folder / "frames" / f"{name}.png", image)
                write_png(folder / "maps" / f"{name}.png", image[..., 0])
            write_fixations(folder / "fixations", names)
    done = run(
        "-m", "datasets", "index", "tiny_clips", "--root", "TinyClips", "--plugins", str(OURS), cwd=place
    )
    assert done.returncode == 0, done.stderr
    manifests = {"TinyClips": place / "manifests" / "tiny_clips"}
    manifests |= {"Hollywood2": demo_out / "manifests" / "hollywood2"}
    return [f"corpora.{name}.manifest={folder}" for name, folder in manifests.items()]


@pytest.fixture
def arguments(tmp_path, corpora):
    spec = tmp_path / "plugged.yaml"
    spec.write_text(SPEC)
    return str(spec), [f"plugins=[{OURS}]", *SHORT, *corpora], tmp_path / "out"


@pytest.fixture
def grid(arguments):
    name, overrides, out = arguments
    return prepare(name, overrides, out, demo=False, tell=lambda text: None)


def training_of(grid, approach):
    return next(unit for unit in grid.plan.trainings.values() if unit.approach == approach)


def evaluated(grid):
    """Do all that is to do, as workers do it, but in this process."""
    for training in grid.plan.trainings.values():
        summary = fit(training_job(grid, training), Context())
        curve = summary.pop("curve")
        checkpoint = f"checkpoints/{training.id}.pt"
        grid.ledger.write_training(training, curve, {**summary, "checkpoint": checkpoint})
    for evaluation in grid.plan.evaluations.values():
        job = evaluation_job(grid, evaluation, ONE)
        frames, summary, expected = job.gather([evaluate_part(job, n) for n in range(len(job.parts))])
        grid.ledger.write_evaluation(evaluation, frames, summary, expected=expected)


@pytest.mark.slow
def test_a_plugged_in_grid_is_planned_with_its_costs(arguments, capsys):
    name, overrides, out = arguments
    assert run_grid.main(["--grid", name, "--out", str(out), "--plan", "--json", *overrides]) == 0
    plan = json.loads(capsys.readouterr().out)
    costs = {(unit["model"], unit["approach"]): unit["estimate"]["flops"] for unit in plan["trainings"]}
    assert costs.keys() == {("tiny", "generalization"), ("tiny", "mirror"), ("centre_prior", "untrained")}
    # Both of a target's passes run forward and backward, beside the source's.
    assert (
        costs["tiny", "mirror"]
        > 2 * costs["tiny", "generalization"]
        > costs["centre_prior", "untrained"]
        == 0
    )


@pytest.mark.slow
def test_a_plugged_in_models_paper_lies_under_the_users_settings(grid, arguments):
    train = training_of(grid, "generalization").spec.train
    assert (train.optimiser, train.momentum, train.lr, train.iterations) == ("sgd", 0.9, 0.05, 4)
    name, overrides, out = arguments
    asked = prepare(name, [*overrides, "train.lr=0.5"], out, demo=False, tell=lambda text: None)
    assert training_of(asked, "generalization").spec.train.lr == 0.5
    weights = asked.plan.trainings, grid.plan.trainings
    fitted = [{unit for unit in found if "centre_prior" in unit} for found in weights]
    assert fitted[0] == fitted[1], "what has no weights has no learning rate"


def test_a_plugged_in_training_goes_on_exactly_after_a_kill(grid):
    assert_goes_on_exactly(training_job(grid, training_of(grid, "mirror")), die_at=2)


def test_what_an_approach_draws_beside_the_model_is_its_seeds(grid, monkeypatch):
    """It was whatever a process came to that had run other trainings before."""
    job = training_job(grid, training_of(grid, "mirror"))
    learner = type(_Fitting(job, Context()).learner)
    plain, found = learner.__init__, []

    def with_a_layer(self, model, options):
        plain(self, model, options)
        self.beside = torch.nn.Linear(2, 2)

    monkeypatch.setattr(learner, "__init__", with_a_layer)
    for before in (1, 2):
        torch.manual_seed(before)
        found.append(_Fitting(job, Context()).learner.beside.weight)
    assert torch.equal(*found)


@pytest.mark.slow
def test_a_plugged_in_grid_is_trained_tested_tabulated_and_predicted_with(grid, tmp_path):
    evaluated(grid)
    tables = {path.name: path.read_text() for path in compile_grid(grid)}
    assert "Tiny, Mirror consistency" not in tables["plugged.md"], "one model with weights needs no name"
    for told in ("Mirror consistency", "Centre prior", "Tiny Clips", "hits"):
        assert told in tables["plugged.md"]
    assert "Mirror consistency minus Domain Generalization" in tables["plugged-significance.md"]
    mirror = training_of(grid, "mirror")
    weights = grid.out / f"checkpoints/{mirror.id}.pt"
    write_frames = tmp_path / "clip"
    for name, image in zip(four_digits(6), moving_square(6), strict=True):
        write_png(write_frames / f"{name}.png", image)
    command = ["-m", "hd2s", "predict", "clip", "--weights", str(weights), "--out", "maps"]
    unknown = run(*command, cwd=tmp_path)
    assert unknown.returncode == 2
    assert "tiny" in unknown.stderr
    done = run(*command, "--plugins", str(OURS), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "maps").rglob("*.png"))) == 6


@pytest.mark.slow
def test_a_plugged_in_model_loads_from_mlflow_in_a_process_of_its_own(grid, tmp_path):
    from grid.tracking.models import log_model, predictor_options
    from grid.tracking.runs import RunStore

    training = training_of(grid, "mirror")
    fit(training_job(grid, training), Context())
    weights = grid.out / f"checkpoints/{training.id}.pt"
    store = RunStore(f"sqlite:///{tmp_path}/mlflow.db", "plugged", tmp_path / "artifacts")
    run_ = store.ensure(training.id, training.label, {}, {})
    model = log_model(store, run_, training, weights, predictor_options(grid.plan, training), copy=True)
    script = (
        "import sys, numpy, mlflow; mlflow.set_tracking_uri(sys.argv[1]);"
        "model = mlflow.pyfunc.load_model(f'models:/{sys.argv[2]}');"
        "numpy.save(sys.argv[3], model.predict(numpy.load(sys.argv[4])))"
    )
    frames = np.random.default_rng(0).integers(256, size=(5, 32, 48, 3), dtype=np.uint8)
    np.save(tmp_path / "frames.npy", frames)
    files = [str(tmp_path / "maps.npy"), str(tmp_path / "frames.npy")]
    command = [sys.executable, "-c", script, f"sqlite:///{tmp_path}/mlflow.db", model, *files]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = predict_clip(open_checkpoint(weights), frames)
    np.testing.assert_allclose(np.load(tmp_path / "maps.npy"), expected, atol=1e-6)


@pytest.mark.slow
def test_a_changed_plug_in_renames_what_uses_it_and_nothing_else(arguments, tmp_path):
    """In processes of their own, since Python imports a module once."""
    name, overrides, _ = arguments
    copied = tmp_path / "theirs"
    shutil.copytree(OURS, copied, ignore=shutil.ignore_patterns("__pycache__"))
    found = []
    for line in ("", "# Another word.\n"):
        with (copied / "tiny_approach.py").open("a") as file:
            file.write(line)
        settings = [f"plugins=[{copied}]", *overrides[1:]]
        done = run(
            str(REPOSITORY / "run_grid.py"),
            "--grid",
            name,
            "--plan",
            "--json",
            "--out",
            "out",
            *settings,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        plan = json.loads(done.stdout)
        found.append({(unit["model"], unit["approach"]): unit["id"] for unit in plan["trainings"]})
    changed = {row for row in found[0] if found[0][row] != found[1][row]}
    assert changed == {("tiny", "mirror")}, "and not the trainings of the model in the file beside it"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import nothing_of_this_name\n", "No module named 'nothing_of_this_name'"),
        ("MODEL = 1 +\n", "SyntaxError"),
        (
            "from hd2s.models.centre_prior import OneFrameConfig\n"
            "from hd2s.models.fixed_maps import CentrePrior\n"
            "from hd2s.models.contract import Model\n"
            "MODEL = Model('hd2s', 'Another', OneFrameConfig, CentrePrior)\n",
            "the word hd2s is another model's",
        ),
    ],
)
def test_a_plug_in_that_cannot_be_taken_is_told_with_all_other_mistakes(tmp_path, source, told, request):
    folder = tmp_path / f"broken{request.node.callspec.indices['source']}"
    folder.mkdir()
    (folder / "file.py").write_text(source)
    with pytest.raises(ProblemError) as error:
        prepare(
            "table5",
            [f"plugins=[{folder}]", "train.lrr=1"],
            tmp_path / "out",
            demo=True,
            tell=lambda text: None,
        )
    assert told in str(error.value)
    assert "train.lrr" in str(error.value)
    assert not (tmp_path / "out" / "corpora").exists(), "nothing has started"


def test_what_a_model_cannot_do_for_an_approach_is_told_before_the_start(arguments, tmp_path):
    name, overrides, out = arguments
    Path(name).write_text(
        SPEC.replace("mirror]", "domain-specific]").replace("tests: [source]", "tests: [source]")
    )
    with pytest.raises(
        ProblemError, match="model tiny: expected a model with domains, which domain-specific"
    ):
        prepare(name, overrides, out, demo=False, tell=lambda text: None)


@pytest.mark.ray
def test_a_plugged_in_grid_runs_under_ray_and_its_runs_wear_the_approachs_colour(arguments):
    name, overrides, out = arguments
    done = run(
        str(REPOSITORY / "run_grid.py"),
        "--grid",
        name,
        "--out",
        str(out),
        *overrides,
        cwd=out.parent,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((out / "results").glob("evaluation-*.parquet"))) == 3
    hits = [pq.read_table(path)["hits"].to_numpy() for path in (out / "results").glob("evaluation-*.parquet")]
    assert all(np.nanmax(values) <= 1 for values in hits)
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{out}/mlflow.db")
    (experiment,) = [e for e in client.search_experiments() if e.name == "hd2s-grid"]
    runs = client.search_runs([experiment.experiment_id], "tags.approach = 'mirror'")
    assert {run.data.tags["mlflow.runColor"] for run in runs} == {"#8A2BE2"}
    assert {run.data.tags["model"] for run in runs} == {"tiny"}


def test_costs_of_a_plugged_in_grid_are_finite(grid):
    found = estimate(grid, replace(processor(), count=1))
    assert found.left.device_hours > 0
    assert torch.isfinite(torch.tensor(float(found.disk.total)))
