"""The demo's corpora are generated and indexed once, and again when they are no longer what was indexed."""

import os
import shutil

import pytest

from datasets import demo
from grid.planning.demo import prepare_demo
from grid.planning.inputs import open_inputs
from grid.results import output_folder
from grid.specs import grid_reader, settings_reader
from manifests.store import open_manifest


def prepared(out, *overrides):
    """Where the corpora are, and what was said while they were prepared."""
    said = []
    return prepare_demo(settings_reader.load(overrides, demo=True), out, said.append), said


def test_the_demo_is_generated_and_indexed_once(small_demo):
    places, said = prepared(small_demo)
    assert said == [], "all of it was there"
    config = settings_reader.load([], demo=True)
    spec = grid_reader.load("domain_shift")
    found = open_inputs(spec, type(config)(config.model, corpora=places))
    assert set(found) == {"DHF1K", "UCFSports", "Hollywood2"}


def test_corpora_that_the_demo_does_not_generate_stay_where_the_user_says(small_demo):
    places, _ = prepared(small_demo, "corpora.Mine.manifest=somewhere")
    assert places["Mine"].manifest == "somewhere"
    assert places["LEDOV"].manifest == str(small_demo / output_folder.demo_manifest("ledov"))


@pytest.mark.slow
def test_a_manifest_that_is_gone_damaged_or_older_than_its_corpus_is_made_again(demo_out, tmp_path):
    shutil.copytree(demo_out, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("frames"))
    # Its paths are part of a manifest: that of a copy is another corpus' at first.
    assert [line for line in prepared(tmp_path)[1] if "indexing" in line]
    assert prepared(tmp_path)[1] == []
    words = ("dhf1k", "ledov", "ucf_sports")
    gone, damaged, older = (tmp_path / output_folder.demo_manifest(word) for word in words)
    (gone / "clips.parquet").unlink()
    (damaged / "clips.parquet").write_bytes(b"PAR1")
    marker = tmp_path / output_folder.CORPORA / "UCFSports" / demo.MARKER
    later = (older / "clips.parquet").stat().st_mtime_ns + 1
    os.utime(marker, ns=(later, later))
    assert prepared(tmp_path)[1] == ["indexing DHF1K", "indexing UCFSports", "indexing LEDOV"]
    assert open_manifest(damaged).counts["train"] > 0


@pytest.mark.parametrize("read", [("DHF1K",), ("Hollywood2", "SALICON", "Mine"), ()])
def test_only_the_corpora_that_a_grid_reads_are_generated(small_demo, monkeypatch, read):
    made = []

    def generated(out, *, domains, progress):
        made.extend(domain.name for domain in domains)
        return {}

    monkeypatch.setattr(demo, "generate", generated)
    places = prepare_demo(settings_reader.load([], demo=True), small_demo, lambda text: None, read)
    assert made == [name for name in read if name != "Mine"]
    assert places["LEDOV"].manifest == str(small_demo / output_folder.demo_manifest("ledov"))
