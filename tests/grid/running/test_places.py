"""Where machines find what a unit needs: the same places on one machine, names in the storage on several."""

import os
import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch

from datasets.remote import LOCAL
from grid.evaluation.evaluate import evaluate_part
from grid.evaluation.parts import do_part, gather
from grid.results import output_folder
from grid.results.manifest_place import ManifestPlace
from grid.results.storage import Storage
from grid.running import places
from grid.training.decode import fill
from grid.training.loop import fit
from hd2s import build_model
from manifests.plugins import digest, python_files
from tests.grid.grids import TINY, Context, evaluation_job_of, few_clips_of, job_of, prepare_small
from tests.grid.own_model import WORD, own_model_known, write_plugin
from tests.places import REPOSITORY


def tiny_grid(out, *overrides, size=TINY, approaches="generalization, transfer"):
    return prepare_small(out, *size, "test.eight_bit=false", *overrides, approaches=approaches)


@pytest.fixture
def prepare_apart(small_demo, url, node, monkeypatch):
    """Prepares a small grid whose workers, on a cluster, share no folder with the driver."""
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    corpora = (small_demo / "corpora").resolve()
    roots = [f"corpora.{name}.root=file://{corpora}/{name}" for name in ("DHF1K", "UCFSports")]
    return partial(tiny_grid, small_demo, f"storage.url={url}", *roots)


@pytest.fixture
def apart(prepare_apart, few):
    """Such a grid; its corpora lie behind a url."""
    return prepare_apart(size=few)


@pytest.mark.parametrize("url", ["s3"], indirect=True)
@pytest.mark.slow
def test_machines_of_their_own_give_the_same_numbers(apart, few, small_demo, node, monkeypatch):
    """As workers do it: what a job needs is brought, frames are decoded, and weights and rows go on."""
    places.publish_inputs(apart)
    storage = places.storage_of(apart)
    curves = []
    for name, approach in (("first", "generalization"), ("second", "transfer")):
        node(name)
        job = job_of(apart, approach)
        assert not Path(job.weights).is_absolute()
        job = job.brought(storage)
        fill(job)
        assert Path(job.weights).is_relative_to(os.environ[LOCAL])
        curves.append(fit(job, Context())["curve"])
        storage.publish(job.weights)
    node("third")
    (evaluation,) = (e for e in apart.plan.evaluations.values() if "transfer" in e.training)
    scoring = few_clips_of(evaluation_job_of(apart, "transfer"))
    done = [do_part(scoring, part, storage) for part in range(len(scoring.parts))]
    assert sum(part.clips for part in done) == len(scoring.expected)
    node("fourth")
    gather(scoring, evaluation, storage)
    apart.ledger.bring("evaluation", evaluation.id)
    found = apart.ledger.read_evaluation(evaluation.id).frames

    monkeypatch.delenv("RAY_ADDRESS")
    shared = tiny_grid(small_demo, size=few)
    expected = [fit(job_of(shared, name), Context())["curve"] for name in ("generalization", "transfer")]
    assert curves == expected
    scoring = few_clips_of(evaluation_job_of(shared, "transfer"))
    rows, _, _ = scoring.gather([evaluate_part(scoring, part) for part in range(len(scoring.parts))])
    assert found.equals(rows.sort_by([("clip", "ascending"), ("frame", "ascending")])), "to the bit"


@pytest.mark.parametrize("url", ["file"], indirect=True)
def test_places_are_paths_where_a_folder_is_shared_and_names_where_none_is(apart, url, monkeypatch):
    storage, found = places.storage_of(apart), apart.manifests["DHF1K"]
    assert storage == Storage(url)
    assert places.weights(storage, "t") == "checkpoints/t.pt"
    assert places.frames(apart) == "frames"
    shared = places.manifest(apart, "DHF1K")
    assert shared == ManifestPlace(output_folder.shared_manifest("DHF1K", found.digest), found.root)
    assert found.root.startswith("file://")
    monkeypatch.delenv("RAY_ADDRESS")
    assert places.storage_of(apart) == apart.storage, "the driver's folder, with copies of what is at the url"
    assert places.weights(apart.storage, "t") == str(apart.out.resolve() / "checkpoints/t.pt")
    assert places.frames(apart) == str(apart.out.resolve() / "frames")
    assert places.manifest(apart, "DHF1K").open().digest == found.digest


@pytest.mark.parametrize("url", ["file"], indirect=True)
def test_inputs_are_published_once_and_not_at_all_where_a_folder_is_shared(apart, url, monkeypatch):
    with monkeypatch.context() as local:
        local.delenv("RAY_ADDRESS")
        places.publish_inputs(apart)
        assert Storage(url).files(".") == {}
    places.publish_inputs(apart)
    published = Storage(url).files(".")
    assert {Path(name).name for name in published} == {"clips.parquet", "fixations.parquet"}
    assert len(published) == 4
    places.publish_inputs(apart)
    assert Storage(url).files(".") == published, "nothing was written again"


@pytest.mark.parametrize("url", ["file"], indirect=True)
@pytest.mark.slow
def test_weights_to_start_from_go_to_machines_that_do_not_see_them(prepare_apart, tmp_path, monkeypatch):
    grid = prepare_apart(f"model.backbone_weights={kinetics(tmp_path)}", approaches="generalization")
    place = places.backbone(grid, "hd2s")
    assert place == output_folder.shared_weights(grid.weights["hd2s"].digest)
    assert job_of(grid, "generalization").backbone == place
    places.publish_inputs(grid)
    brought = places.storage_of(grid).fetch(place)
    assert brought.read_bytes() == (tmp_path / "kinetics.pt").read_bytes()
    assert places.backbone(grid, "centre_prior") is None
    monkeypatch.delenv("RAY_ADDRESS")
    assert job_of(grid, "generalization").backbone == str(tmp_path / "kinetics.pt")


def kinetics(folder):
    """Write a file that HD2S can start from."""
    model = build_model("hd2s", seed=7)
    layout = next(each for each in model.declaration.starts_from if each.word == "kinetics")
    state = model.state_dict()
    torch.save({theirs: state[own] for own, theirs in layout.names(model).items()}, folder / "kinetics.pt")
    return folder / "kinetics.pt"


_WORKER = """
import pickle, sys
from pathlib import Path
from grid.evaluation.parts import do_part
from grid.training import ray_worker
from tests.grid.ray_in_process import TrainSession
job, scoring, storage = pickle.loads(Path(sys.argv[1]).read_bytes())
ray_worker.train = session = TrainSession()
ray_worker.get_device = session.get_device
told = ray_worker.worker({"job": job, "storage": storage})
assert "error" not in told, told["error"]
done = do_part(scoring, 0, storage)
Path(sys.argv[2]).write_bytes(pickle.dumps((told, done)))
"""


@pytest.mark.parametrize("url", ["file"], indirect=True)
@pytest.mark.slow
def test_a_plugin_goes_through_the_storage_to_a_worker_that_does_not_know_it(
    prepare_apart, node, tmp_path, url
):
    """Another process, which reads the job before it can know the plug-in, trains with it and evaluates."""
    folder = write_plugin(tmp_path)
    with own_model_known(folder):
        settings = [f"plugins=[{folder}]", f"model={WORD}"]
        grid = prepare_apart(*settings, size=["model.height=32"], approaches="generalization")
        (training,) = grid.plan.trainings.values()
        assert (training.model, training.spec.model.plugin) == (WORD, digest(python_files(folder)))
        (place,) = places.plugin_folders(grid)
        assert place == output_folder.shared_plugin("own_models", digest(python_files(folder)))
        places.publish_inputs(grid)
        scoring = few_clips_of(evaluation_job_of(grid, "untrained"), 1)
        given = pickle.dumps((job_of(grid, "untrained"), scoring, places.storage_of(grid)))
    folder.rename(tmp_path / "hidden")
    node("worker")
    (tmp_path / "given").write_bytes(given)
    command = [sys.executable, "-c", _WORKER, str(tmp_path / "given"), str(tmp_path / "done")]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    summary, part = pickle.loads((tmp_path / "done").read_bytes())
    assert (part.clips, part.unread) == (1, 0)
    assert summary["iterations"] == 0
    there = {path.name for path in (Storage(url).local / place).iterdir()}
    assert there >= {"corner.py", "_beside.py"}
    assert digest(python_files(Storage(url).local / place)) == training.spec.model.plugin
    node("driver")
    assert Storage(url).exists(output_folder.checkpoint(training.id))
