"""A training's places: the same on one machine, and brought to each of those that share no folder."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from grid.plan import ApproachSpec, CorpusDigest, ModelSpec, Read, TrainingSpec
from grid.results.manifest_place import ManifestPlace
from grid.results.storage import Storage
from grid.specs.settings import Train
from grid.training.job import Job
from hd2s.training.execution import Execution
from manifests.store import CLIPS, FIXATIONS
from tests.grid.grids import TINY, job_of, prepare_small
from tests.grid.own_model import WORD, own_model_known, write_plugin

CORPUS = CorpusDigest("DHF1K", "digest")
PUBLISHED = {
    "checkpoints/parent.pt": b"parent",
    "weights/start.pt": b"start",
    f"manifests/DHF1K/{CLIPS}": b"clips",
    f"manifests/DHF1K/{FIXATIONS}": b"fixations",
    "plugins/own/model.py": b"MODEL = 1",
    "plugins/own/deep/er.py": b"MORE = 2",
}


def spec_of(model="hd2s"):
    return TrainingSpec(
        4, ModelSpec(model), ApproachSpec("generalization"), (CORPUS,), (), CORPUS, Train(), seed=0
    )


def job_apart():
    """A job whose places are names in a storage."""
    return Job(
        id="unit",
        spec=spec_of(),
        reads=((Read("DHF1K", "train", 32, 32, 8), True),),
        manifests={"DHF1K": ManifestPlace("manifests/DHF1K", "s3://bucket/DHF1K")},
        frames="frames",
        frames_limit=None,
        weights="checkpoints/unit.pt",
        parent="checkpoints/parent.pt",
        backbone="weights/start.pt",
        checkpoint_every=1,
        loader_workers=0,
        execution=Execution(),
        plugins=("plugins/own",),
    )


@pytest.fixture
def storage(url, node, tmp_path):
    """A storage that holds what such a job needs, seen from a machine that has nothing."""
    found, source = Storage(url), tmp_path / "source"
    for name, content in PUBLISHED.items():
        source.write_bytes(content)
        found.publish(name, source)
    node("second")
    return Storage(url)


def test_all_that_a_job_needs_is_brought_to_the_machine_that_does_it(storage):
    job = job_apart()
    brought = job.brought(storage)
    here = {name: storage.local / name for name in (*PUBLISHED, "plugins/own", "manifests/DHF1K", "frames")}
    assert brought == replace(
        job,
        manifests={"DHF1K": ManifestPlace(str(here["manifests/DHF1K"]), "s3://bucket/DHF1K")},
        frames=str(here["frames"]),
        weights=str(storage.local / "checkpoints/unit.pt"),
        parent=str(here["checkpoints/parent.pt"]),
        backbone=str(here["weights/start.pt"]),
        plugins=(str(here["plugins/own"]),),
    )
    assert {name: here[name].read_bytes() for name in PUBLISHED} == PUBLISHED
    assert job.brought(storage) == brought, "what is there is taken as it is"


@pytest.mark.parametrize("lost", [name for name in PUBLISHED if not name.startswith("plugins")])
def test_what_the_storage_lacks_is_told_by_its_name(storage, lost):
    storage.delete(lost)
    with pytest.raises(FileNotFoundError, match=lost):
        job_apart().brought(storage)


def test_a_job_without_parent_backbone_and_plugins_needs_none(storage):
    brought = replace(job_apart(), parent=None, backbone=None, plugins=()).brought(storage)
    assert (brought.parent, brought.backbone, brought.plugins) == (None, None, ())
    assert not (storage.local / "plugins").exists()


def test_on_one_machine_every_place_is_where_it_was(small_demo):
    grid = prepare_small(small_demo, *TINY)
    job = job_of(grid, "transfer")
    assert job.brought(grid.storage) == job
    assert Path(job.parent).is_absolute()


def test_a_specification_is_read_by_who_does_not_know_its_plugin_yet(tmp_path):
    with own_model_known(write_plugin(tmp_path)):
        spec = spec_of(WORD)
        assert spec.model.declaration.word == WORD
        assert spec.model.config.height == 128
        assert spec.as_settings()["model"]["name"] == WORD
        content = pickle.dumps(spec)
    found = pickle.loads(content)
    assert found == spec
    with pytest.raises(ValueError, match="model"):
        _ = found.model.declaration
