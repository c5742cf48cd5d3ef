"""A grid made ready by the command itself: every mistake in one answer, and no setting lost in silence."""

import json
import shutil
import subprocess
import sys

import pytest

import run_grid
from grid.planning.prepare import prepare
from grid.specs import settings_reader
from tests.grid.grids import SHORT, write_spec
from tests.places import REPOSITORY
from tests.plugged import OURS

WRONG = """
name: wrong
title: Wrong
metrics: [NSS, CCC]
sources: [DHF1K, Holywood2]
targets: [UCFSports]
approaches: [generalization, transfr]
variants: {"": {}, fast: {train.rl: 0.1}}
"""
MISTAKES = (
    "a known metric, found 'CCC'. Did you mean CC?",
    "a known approach, found 'transfr'. Did you mean transfer?",
    "'Holywood2'. Did you mean Hollywood2?",
    "wrong, settings: expected a known setting, found 'train.rl'. Did you mean train.lr?",
    "'train.iteratons'. Did you mean train.iterations?",
)


@pytest.fixture
def answer(capsys, monkeypatch):
    """What the command says on its error output in some folder, and its status."""

    def run(folder, *arguments):
        monkeypatch.chdir(folder)
        status = run_grid.main(list(map(str, arguments)))
        said = capsys.readouterr()
        assert said.out == ""
        return status, said.err

    return run


@pytest.fixture
def mistakes(answer):
    """What is wrong with a grid on the demo's corpora, planned as if they were real ones."""

    def plan(out, name, *overrides):
        places = settings_reader.load([], demo=True).corpora.items()
        manifests = [f"corpora.{corpus}.manifest={out}/{place.manifest}" for corpus, place in places]
        before = ["model.backbone_weights=none", *manifests]
        status, told = answer(out, "--plan", "--grid", name, *before, *overrides)
        assert status == run_grid.WRONG
        return told

    return plan


@pytest.mark.slow
def test_the_command_itself_answers_mistakes_and_starts_nothing(tmp_path):
    (tmp_path / "wrong.yaml").write_text(WRONG)
    command = [sys.executable, str(REPOSITORY / "run_grid.py"), "--grid", "wrong.yaml", "--demo"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (run_grid.WRONG, "")
    assert done.stderr.startswith("4 problems:")
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.yaml"]


@pytest.mark.parametrize("demo", [False, True])
def test_mistakes_in_metrics_approaches_corpora_rows_and_settings_are_one_answer(answer, tmp_path, demo):
    (tmp_path / "wrong.yaml").write_text(WRONG)
    arguments = ["--grid", "wrong.yaml", *["--demo"] * demo, "train.iteratons=7"]
    status, told = answer(tmp_path, *arguments)
    assert status == run_grid.WRONG
    for mistake in MISTAKES:
        assert told.count(mistake) == 1, mistake
    if demo:
        assert told.startswith("5 problems:")
    else:
        # Of the manifests, only those that are known can be missed.
        for word in ("dhf1k", "ucf_sports"):
            assert f"Index it: python -m datasets index {word} --root DIR" in told
        assert "model.backbone_weights=FILE" in told
        assert told.startswith("8 problems:")
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.yaml"], "nothing was generated"


def test_what_is_wrong_with_the_command_is_told_with_the_rest(answer, tmp_path):
    (tmp_path / "wrong.yaml").write_text(WRONG)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    asked = {("--plan", "--on", "H10"): "Did you mean H100?", ("--export", "full"): "an empty folder"}
    for question, answered in asked.items():
        status, told = answer(tmp_path, "--grid", "wrong.yaml", "--demo", *question, "train.micro_batch=0")
        assert status == run_grid.WRONG
        for mistake in (*MISTAKES[:4], answered):
            assert mistake in told
        assert told.count("train.micro_batch: expected more than 0, found 0") == 1, "not again of each row"
        assert told.startswith("6 problems:")


def test_a_split_without_long_clips_is_told_with_mistakes_of_the_spec(mistakes, small_demo):
    own = write_spec(small_demo, approaches="generalization, adaptatoin")
    told = mistakes(small_demo, str(own), "model.clip_length=800")
    assert "Did you mean adaptation?" in told
    assert "DHF1K, split train: expected clips of 800 frames" in told


def test_sizes_that_no_model_has_do_not_hide_what_is_wrong_with_the_weights(mistakes, small_demo):
    weights = small_demo / "s3d.pt"
    weights.write_bytes(b"no weights")
    told = mistakes(small_demo, "table5", "model.height=50", f"model.backbone_weights={weights}")
    assert told.startswith("2 problems:")
    assert "model.height: expected a positive multiple of 32, found 50" in told
    assert "model.backbone_weights: expected S3D on Kinetics-400" in told


@pytest.mark.parametrize("name", ["table5", "paper", "salgradnet_table3"])
def test_a_users_grid_cannot_take_the_place_of_one_of_ours(answer, tmp_path, name):
    """Its tables, runs and settings would lie where the paper's do."""
    own = write_spec(tmp_path, name=name)
    family = tmp_path / "family.yaml"
    family.write_text(f"name: {name}\ntables: [table6]")
    for path in (own, family):
        status, told = answer(tmp_path, "--grid", str(path), "--demo")
        assert status == run_grid.WRONG
        assert f"a name that no grid or table of the project has, found '{name}'" in told


SWEPT = """
name: swept
title: Swept
metrics: [NSS]
sources: [DHF1K]
targets: [UCFSports]
approaches: [generalization]
variants: {plain: {}, single: {train.multi_level: false, train.lr: 0.1}}
"""


@pytest.mark.parametrize("looking", [[], ["--tables"]])
def test_a_users_grid_cannot_take_the_place_of_another_of_its_name_either(answer, tmp_path, looking):
    first, other = tmp_path / "first", tmp_path / "other"
    for folder, approaches in ((first, "generalization"), (other, "transfer")):
        folder.mkdir()
        write_spec(folder, approaches=approaches)
    (noted := tmp_path / "runs" / "grids" / "small.json").parent.mkdir(parents=True)
    noted.write_text(json.dumps({"name": str(first / "small.yaml")}))
    status, told = answer(tmp_path, "--grid", other / "small.yaml", *looking)
    assert status == run_grid.WRONG
    assert f"found small, which is {first}/small.yaml's" in told
    assert "found small" not in answer(tmp_path, "--grid", first / "small.yaml", *looking)[1]


def test_the_command_says_which_setting_is_overruled(small_demo):
    path = small_demo / "swept.yaml"
    path.write_text(SWEPT)
    said = []
    asked = [*SHORT, "train.lr=0.3", "train.protocol=released"]
    prepare(str(path), asked, small_demo, demo=True, tell=said.append)
    assert "train.lr=0.3 is overruled in swept: row 'single' sets 0.1." in said
    assert "train.iterations=4 goes before what train.protocol stands for with hd2s: 5000." in said


def test_a_training_from_scratch_that_keeps_statistics_of_no_weights_is_told(small_demo):
    asked, told = [*SHORT, "model=unisal"], "unisal: model.encoder_statistics=stored is for initial weights"
    for given, times in (("stored", 1), ("learned", 0)):
        said = []
        more = [*asked, f"model.encoder_statistics={given}"]
        prepare("table5", more, small_demo, demo=True, tell=said.append, purpose="plan")
        assert sum(note.startswith(told) for note in said) == times, said


SEVERAL = """
name: several
title: Several models
metrics: [NSS]
sources: [DHF1K]
targets: [UCFSports]
approaches: [generalization, adaptation]
models: [hd2s, tiny, chance]
"""


def test_mistakes_of_each_of_several_models_are_one_answer(answer, tmp_path):
    """A plug-in without features, a setting of no model, and one of a model that only another has."""
    (tmp_path / "several.yaml").write_text(SEVERAL)
    shutil.copytree(OURS, tmp_path / "featureless", ignore=shutil.ignore_patterns("__pycache__"))
    model = tmp_path / "featureless" / "tiny_model.py"
    text = model.read_text()
    model.write_text(text.replace("    def features(self)", "    def no_features(self)"))
    wrong = ["model.hight=3", "model.tiny.bn_momentum=1", "model.tiny.width=50", "model.chance.height=0"]
    given = ["plugins=[featureless]", *wrong]
    status, told = answer(tmp_path, "--grid", "several.yaml", "--demo", *given)
    assert status == run_grid.WRONG
    for mistake in (
        "found 'model.hight'. Did you mean model.height?",
        "found 'model.bn_momentum'",
        "model.width: expected a positive multiple of 4, found 50",
        "model.height: expected 1 or more, found 0",
        "several, model tiny: expected a model with features, which adaptation works on, found one without",
    ):
        assert told.count(mistake) == 1, told
    assert told.startswith("5 problems:"), told


def test_what_a_plug_in_fails_of_is_told_before_anything_starts(answer, tmp_path):
    (tmp_path / "several.yaml").write_text(SEVERAL)
    (tmp_path / "broken_plugin").mkdir()
    (tmp_path / "broken_plugin" / "own_model.py").write_text("from hd2s.models.contract import Modle\n")
    status, told = answer(tmp_path, "--grid", "several.yaml", "--demo", "plugins=broken_plugin")
    assert status == run_grid.WRONG
    assert f"{tmp_path}/broken_plugin/own_model.py, line 1: expected a file that can be imported" in told
    assert "found ImportError: cannot import name 'Modle' from 'hd2s.models.contract'" in told
    assert "a known model, found 'tiny'" in told
    assert "Traceback" not in told
    assert not (tmp_path / "runs").exists()


def test_models_of_the_command_line_take_the_place_of_a_grids(small_demo):
    own = write_spec(small_demo, approaches="generalization")
    for asked, models in ((["model=chance"], ["chance"]), (["model=[chance,hd2s]"], ["chance", "hd2s"])):
        grid = prepare(str(own), [*SHORT, *asked], small_demo, demo=True, tell=lambda text: None)
        assert sorted({cell.model for cell in grid.plan.cells}) == models
        assert grid.plan.tables[0].models == tuple(models)
        assert grid.config.model.word == models[0]


def test_a_grid_says_how_to_call_it_again(small_demo):
    own = write_spec(small_demo, approaches="generalization")
    asked = ["model=[hd2s,chance]", f"plugins=[{OURS}]", "resources.loader_workers=1", "train.lr=0.1"]
    grid = prepare(str(own), asked, small_demo, demo=True, tell=lambda text: None)
    told = grid.command("--tables")
    assert told == (
        f"python run_grid.py --grid {own} --demo --out {small_demo} --tables 'model=[hd2s,chance]'"
        f" 'plugins=[{OURS}]' train.lr=0.1"
    )
