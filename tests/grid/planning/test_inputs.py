"""What a grid reads is checked before anything starts, and everything wrong with it is told at once."""

from dataclasses import replace

import pytest

from grid.planning.inputs import open_inputs, prepare_demo, weights_digest
from grid.planning.prepare import prepare
from grid.specs import grid_reader as specs
from grid.specs import settings
from grid.specs.settings import CorpusPlace, Model
from grid.specs.table import GridSpec, TableSpec
from hd2s import build_model, export_weights
from manifests.problem import ProblemError
from tests.grid.grids import prepare_small, write_spec


def demo_config(out, *overrides):
    return prepare_demo(settings.load(list(overrides), demo=True), out, lambda text: None)


def small_spec(*corpora):
    table = TableSpec("t", "T", ("NSS",), corpora[:1], ("generalization",), targets=corpora[1:])
    return GridSpec("g", (table,))


def test_the_demo_is_generated_and_indexed_once(small_demo):
    said = []
    config = prepare_demo(settings.load([], demo=True), small_demo, said.append)
    assert said == [], "all of it was there"
    found = open_inputs(specs.load("domain_shift", (0,)), config)
    assert set(found) == {"DHF1K", "UCFSports", "Hollywood2"}


def test_a_grid_on_corpora_that_are_not_indexed_names_each(tmp_path):
    config = settings.load([], demo=True)
    places = {name: CorpusPlace(manifest=str(tmp_path / name)) for name in config.corpora}
    places["Mine"] = CorpusPlace(manifest=str(tmp_path / "mine"))
    spec = small_spec("DHF1K", "UCFSports", "Mine", "Yours")
    with pytest.raises(ProblemError) as caught:
        open_inputs(spec, replace(config, corpora=places))
    assert len(caught.value.problems) == 4
    text = str(caught.value)
    assert "python -m datasets index dhf1k --root DIR" in text
    assert "python -m datasets index ucf_sports --root DIR" in text
    assert str(tmp_path / "mine" / "clips.parquet") in text
    assert "'Yours'. Available: DHF1K" in text


def test_a_manifest_of_another_corpus_is_refused(small_demo):
    config = demo_config(small_demo)
    places = {**config.corpora, "DHF1K": config.corpora["LEDOV"]}
    with pytest.raises(ProblemError, match="expected the manifest of DHF1K, found LEDOV"):
        open_inputs(small_spec("DHF1K", "UCFSports"), replace(config, corpora=places))


def test_files_that_moved_are_found_by_their_new_root_or_missed(small_demo, tmp_path):
    config = demo_config(small_demo)
    place = config.corpora["DHF1K"]
    gone = replace(config, corpora={**config.corpora, "DHF1K": replace(place, root=str(tmp_path / "gone"))})
    with pytest.raises(ProblemError, match=r"no folder .*gone.*corpora\.DHF1K\.root=DIR"):
        open_inputs(small_spec("DHF1K", "UCFSports"), gone)
    moved = replace(config, corpora={**config.corpora, "DHF1K": replace(place, root=str(tmp_path))})
    assert open_inputs(small_spec("DHF1K", "UCFSports"), moved)["DHF1K"].root == str(tmp_path)


def test_clips_too_short_for_a_window_are_told(small_demo):
    with pytest.raises(ProblemError) as caught:
        prepare_small(small_demo, "model.clip_length=96", sources="DHF1K", targets="UCFSports")
    places = {problem.where for problem in caught.value.problems}
    assert places == {
        f"{name}, split {split}" for name in ("DHF1K", "UCFSports") for split in ("train", "val")
    }


def test_only_what_is_read_of_a_corpus_must_be_there(small_demo):
    """Long windows spare a corpus that is only tested on, and one that is only a target without labels."""
    prepare_small(small_demo, sources="DHF1K", targets="LEDOV", approaches="generalization, adaptation")
    grid = prepare_small(small_demo, approaches="generalization", sources="DHF1K", targets="UCFSports")
    assert {read.corpus for training in grid.plan.trainings.values() for read in training.reads} == {"DHF1K"}


def test_wrong_settings_of_rows_and_missing_corpora_are_told_together(tmp_path):
    path = write_spec(tmp_path, sources="DHF1K", targets="Mine")
    path.write_text(path.read_text() + "overrides: {train.rl: 1}\n")
    with pytest.raises(ProblemError) as caught:
        prepare(str(path), ["model.backbone_weights=none"], tmp_path, demo=False, tell=lambda text: None)
    text = str(caught.value)
    for mistake in ("'train.rl'. Did you mean train.lr?", "'Mine'. Available", "index dhf1k --root DIR"):
        assert mistake in text


def test_initial_weights_are_asked_for_and_must_exist(tmp_path):
    with pytest.raises(ProblemError, match=r"found nothing\. .*backbone_weights=none to start from scratch"):
        weights_digest(Model())
    with pytest.raises(ProblemError, match=r"found .*absent\.pt"):
        weights_digest(Model(backbone_weights=str(tmp_path / "absent.pt")))


def test_a_whole_hd2s_is_no_backbone(tmp_path):
    path = tmp_path / "hd2s.pt"
    export_weights(build_model("hd2s", seed=0), path)
    with pytest.raises(ProblemError, match="expected a state dict of S3D on Kinetics-400"):
        weights_digest(Model(backbone_weights=str(path)))
    path.write_bytes(b"not weights")
    with pytest.raises(ProblemError, match=r"hd2s\.pt"):
        weights_digest(Model(backbone_weights=str(path)))
    assert weights_digest(Model(backbone_weights="none")) is None
