"""What a grid reads is checked before anything starts, and everything wrong with it is told at once."""

import hashlib
import shutil
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch

from datasets.corpora.own_folder import FolderCorpus
from datasets.indexing.index import index
from grid.planning.demo import prepare_demo
from grid.planning.inputs import initial_weights, open_inputs, require_clips
from grid.planning.prepare import prepare
from grid.specs import settings_reader
from grid.specs.settings import CorpusPlace, ModelSettings
from grid.specs.table import GridSpec, TableSpec
from hd2s import build_model, export_weights
from hd2s.approaches.registry import APPROACHES, approaches
from manifests.problem import ProblemError
from manifests.store import Manifest
from tests.grid.grids import prepare_small, write_spec


def demo_config(out):
    config = settings_reader.load([], demo=True)
    return replace(config, corpora=prepare_demo(config, out, lambda text: None))


def small_spec(*corpora):
    table = TableSpec("t", "T", ("NSS",), corpora[:1], ("generalization",), targets=corpora[1:])
    return GridSpec("g", (table,))


def test_a_grid_on_corpora_that_are_not_indexed_names_each(tmp_path):
    config = settings_reader.load([], demo=True)
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


class NothingUsable(Manifest):
    """A manifest whose clips of validation and test are all quarantined."""

    def _clip_table(self, columns, split, status):
        found = super()._clip_table(columns, split, status)
        return found.slice(0, 0) if split in ("val", "test") and status == "ok" else found


@pytest.mark.parametrize(
    ("quarantined", "remedy"),
    [(2, "Mend 2 clips of it that cannot be used (python -m datasets check dhf1k"), (0, "Index the whole")],
)
def test_a_split_without_a_clip_may_have_damaged_ones(small_demo, quarantined, remedy):
    """Whoever has indexed the whole corpus cannot index more of it."""
    grid = prepare_small(small_demo, sources="DHF1K", targets="UCFSports", approaches="generalization")
    told = {field.name: getattr(grid.manifests["DHF1K"], field.name) for field in fields(Manifest)}
    damaged = NothingUsable(**told | {"quarantined": quarantined})
    with pytest.raises(ProblemError) as caught:
        require_clips(grid.plan, {**grid.manifests, "DHF1K": damaged})
    (problem,) = caught.value.problems
    assert problem.where == "DHF1K, split val"
    assert problem.remedy.startswith(remedy)


@pytest.mark.slow
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
    unknown = "'train.rl'. Did you mean train.lr?", "'Mine'. Available"
    for mistake in (*unknown, "index dhf1k --root DIR", "DHF1K is had from https"):
        assert mistake in text


def test_long_windows_are_those_of_the_models_that_read_them(small_demo):
    """A model of single frames reads every clip."""
    with pytest.raises(ProblemError, match="clips of 96 frames"):
        prepare_small(small_demo, "model=[hd2s,chance]", "model.clip_length=96")
    grid = prepare_small(small_demo, "model=chance", "model.height=64")
    assert {read.clip_length for training in grid.plan.trainings.values() for read in training.reads} == {1}


def test_a_corpus_of_ones_own_is_found_by_its_name_or_where_the_table_says(small_demo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    mine = index(FolderCorpus("Mine", 0), small_demo / "corpora/UCFSports", tmp_path / "manifests/Mine")
    assert settings_reader.load([], demo=False).corpora["Mine"].manifest == "manifests/Mine"
    spec = tmp_path / "mine.yaml"
    spec.write_text(
        "name: mine\ntitle: M\nmetrics: [NSS]\nsources: [Mine]\nmodels: [chance]\n"
        "approaches: [generalization]\n"
    )
    grid = prepare(str(spec), [], tmp_path / "out", demo=False, tell=print)
    assert grid.manifests["Mine"].digest == mine.digest
    (tmp_path / "manifests/Mine").rename(tmp_path / "elsewhere")
    with pytest.raises(ProblemError, match="corpora with manifests, found 'Mine'"):
        prepare(str(spec), [], tmp_path / "out", demo=False, tell=print)
    spec.write_text(f"{spec.read_text()}corpora: {{Mine: elsewhere}}\n")
    grid = prepare(str(spec), [], tmp_path / "out", demo=False, tell=print)
    assert grid.manifests["Mine"].folder == Path("elsewhere")


def test_weights_that_are_not_there_are_those_that_are_known():
    found = initial_weights(ModelSettings("hd2s", backbone_weights="gone.pt"), "12")
    assert found.digest == "12"
    assert initial_weights(ModelSettings("hd2s", backbone_weights="none"), "12") is None


def test_something_may_stand_for_a_manifest_that_nobody_has(small_demo):
    config = demo_config(small_demo)
    known = open_inputs(small_spec("DHF1K"), config)["DHF1K"]
    asked = {}

    def instead(corpus, folder):
        asked[corpus] = folder
        return {"Mine": known}.get(corpus)

    found = open_inputs(small_spec("DHF1K", "Mine"), config, instead=instead)
    assert found == {"DHF1K": known, "Mine": known}
    assert asked == {"DHF1K": Path(config.corpora["DHF1K"].manifest), "Mine": None}


def test_initial_weights_are_asked_for_and_must_exist(tmp_path):
    with pytest.raises(ProblemError, match=r"found nothing\. .*backbone_weights=none to start from scratch"):
        initial_weights(ModelSettings("hd2s"))
    with pytest.raises(ProblemError, match=r"found .*absent\.pt"):
        initial_weights(ModelSettings("hd2s", backbone_weights=str(tmp_path / "absent.pt")))
    with pytest.raises(ProblemError, match=r"had from https://github\.com/kylemin/S3D: .*33 MB, MIT licence"):
        initial_weights(ModelSettings("hd2s"))
    assert initial_weights(ModelSettings("hd2s", backbone_weights="none")) is None


def test_a_model_that_can_start_from_nothing_is_asked_for_nothing(tmp_path):
    assert initial_weights(ModelSettings("chance")) is None
    assert initial_weights(ModelSettings("chance", backbone_weights=str(tmp_path / "absent.pt"))) is None


@pytest.mark.slow
def test_a_whole_hd2s_is_no_backbone(tmp_path):
    path = tmp_path / "hd2s.pt"
    export_weights(build_model("hd2s", seed=0), path)
    settings = ModelSettings("hd2s", backbone_weights=str(path))
    with pytest.raises(ProblemError, match=r"expected S3D on Kinetics-400 .*, found published"):
        initial_weights(settings)
    path.write_bytes(b"not weights")
    with pytest.raises(ProblemError, match=r"hd2s\.pt"):
        initial_weights(settings)


@pytest.mark.slow
def test_a_backbone_is_known_by_its_content(tmp_path):
    """Whatever the file is called, and whichever levels of the model are decoded."""
    path, model = tmp_path / "anything.pt", build_model("hd2s", seed=0)
    (kinetics,) = (layout for layout in model.declaration.starts_from if layout.word == "kinetics")
    state = model.state_dict()
    torch.save({theirs: state[ours] for ours, theirs in kinetics.names(model).items()}, path)
    found = initial_weights(ModelSettings("hd2s", {"conspicuity": (4,)}, str(path)))
    assert (found.path, found.digest) == (path, hashlib.sha256(path.read_bytes()).hexdigest())


def test_a_learning_rate_that_never_rises_to_all_of_it_is_told(small_demo):
    """By the iterations that trainings come to: those of epochs, and of fine-tuning where there is any."""
    rising = "train.lr_warmup=3"
    alone = prepare_small(small_demo, rising, approaches="generalization")
    assert {unit.spec.train.lr_warmup for unit in alone.plan.trainings.values()} == {3}
    told = "train.lr_warmup: expected fewer than the {} iterations of a training, found 3"
    for fewest, more, approaches_ in (
        (2, (), "transfer"),
        (3, ("train.iterations=3",), "generalization"),
        (1, ("train.epochs=1", "train.accumulate=1000"), "generalization"),
    ):
        with pytest.raises(ProblemError, match=told.format(fewest)):
            prepare_small(small_demo, rising, *more, approaches=approaches_)


def test_a_corpus_without_fixations_is_told_where_they_are_learnt_from(small_demo, tmp_path, monkeypatch):
    source, mine = small_demo / "corpora/UCFSports/training", tmp_path / "mine"
    for clip in sorted(source.iterdir())[:3]:
        for kind, folder in (("images", "frames"), ("maps", "maps")):
            shutil.copytree(clip / kind, mine / folder / clip.name)
    clips = sorted(path.name for path in (mine / "frames").iterdir())
    for name, listed in (("train", clips[:2]), ("val", clips[2:])):
        (mine / f"{name}.txt").write_text("\n".join(listed))
    index(FolderCorpus("Mine"), mine, tmp_path / "m")
    own = ["corpora.Mine.manifest=" + str(tmp_path / "m"), "model.clip_length=2", "train.epochs=null"]
    spec = {"sources": "Mine", "approaches": "generalization", "targets": "UCFSports"}
    with pytest.raises(ProblemError) as caught:
        prepare_small(small_demo, "model=unisal", *own, "test.min_frames=500", **spec)
    told = str(caught.value)
    assert "Mine, split train: expected fixations, which unisal learns from, found 2 clips, none" in told
    assert "UCFSports, split test: expected clips of 500 frames" in told
    assert prepare_small(small_demo, "model=unisal", *own, "model.nss_weight=0", **spec).plan.trainings
    by_points = replace(approaches()["generalization"], word="by_points", needs_fixations=True)
    monkeypatch.setitem(APPROACHES.plugged_in, "by_points", by_points)
    spec["approaches"] = "by_points"
    with pytest.raises(ProblemError, match=r"by_points learns from, .* by_points out of the approaches"):
        prepare_small(small_demo, "model=unisal", *own, "model.nss_weight=0", **spec)
