"""A grid made ready by the command itself: every mistake in one answer, and no setting lost in silence."""

import pytest

import run_grid
from grid.planning.prepare import prepare
from grid.specs import settings as config
from grid.specs.grid_reader import load
from grid.specs.overruled import overruled
from tests.grid.grids import SHORT, write_spec

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
def answer(monkeypatch, capsys):
    """Calls the command in a folder; gives its status, and what it says on its error output."""

    def call(folder, *arguments):
        monkeypatch.chdir(folder)
        status, said = run_grid.main([*arguments]), capsys.readouterr()
        assert said.out == ""
        return status, said.err

    return call


@pytest.fixture
def run(answer):
    """Plans a grid with the demo's corpora as if they were real ones; gives the mistakes."""

    def call(out, name, *overrides):
        places = config.load([], demo=True).corpora.items()
        manifests = [f"corpora.{corpus}.manifest={out}/{place.manifest}" for corpus, place in places]
        before = ["model.backbone_weights=none", *manifests]
        status, told = answer(out, "--plan", "--grid", name, *before, *overrides)
        assert status == run_grid.WRONG
        return told

    return call


@pytest.mark.parametrize("demo", [False, True])
def test_mistakes_in_metrics_approaches_corpora_rows_and_settings_are_one_answer(tmp_path, answer, demo):
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
    assert [path.name for path in tmp_path.iterdir()] == ["wrong.yaml"], "nothing was started or generated"


def test_what_is_wrong_with_the_command_is_told_with_the_rest(tmp_path, answer):
    (tmp_path / "wrong.yaml").write_text(WRONG)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    status, told = answer(
        tmp_path, "--grid", "wrong.yaml", "--demo", "--on", "H10", "--export", "full", "train.micro_batch=0"
    )
    assert status == run_grid.WRONG
    for mistake in (*MISTAKES[:4], "Did you mean H100?", "a new or an empty folder"):
        assert mistake in told
    assert told.count("train.micro_batch: expected more than 0, found 0") == 1, "not again of each row"
    assert told.startswith("7 problems:")


def test_a_split_without_long_clips_is_told_with_mistakes_of_the_spec(small_demo, run):
    own = write_spec(small_demo, approaches="generalization, adaptatoin")
    told = run(small_demo, str(own), "model.clip_length=800")
    assert "Did you mean adaptation?" in told
    assert "DHF1K, split train: expected clips of 800 frames" in told


def test_sizes_that_no_model_has_do_not_hide_what_is_wrong_with_the_weights(small_demo, run):
    weights = small_demo / "s3d.pt"
    weights.write_bytes(b"no weights")
    told = run(small_demo, "table5", "model.height=50", f"model.backbone_weights={weights}")
    assert told.startswith("2 problems:")
    assert "model.height: expected a multiple of 32, found 50" in told
    assert "model.backbone_weights: expected a state dict of S3D on Kinetics-400" in told


@pytest.mark.parametrize("name", ["table5", "paper", "salgradnet_table3"])
def test_a_users_grid_cannot_take_the_place_of_one_of_ours(tmp_path, answer, name):
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
overrides: {train.weight_decay: 0.5}
variants: {plain: {}, single: {train.multi_level: false, train.lr: 0.1}}
sweep: {train.accumulate: [1, 2]}
"""


def test_a_setting_that_rows_set_otherwise_is_told(tmp_path):
    path = tmp_path / "swept.yaml"
    path.write_text(SWEPT)
    spec = load(str(path))
    assert overruled(spec, ["train.lr=0.3", "train.accumulate=1", "train.weight_decay=0.1"]) == [
        "train.lr=0.3 is overruled in swept: row 'single' sets 0.1.",
        "train.accumulate=1 is overruled in swept: its sweep tries 2.",
    ]
    assert overruled(spec, ["train={multi_level: true, lr: 0.1}"]) == [
        "train.multi_level=True is overruled in swept: row 'single' sets False.",
    ]
    assert overruled(spec, ["resources.train.cpu=1"]) == []


def test_the_command_says_which_setting_is_overruled(small_demo):
    path = small_demo / "swept.yaml"
    path.write_text(SWEPT)
    said = []
    prepare(str(path), [*SHORT, "train.lr=0.3"], small_demo, demo=True, tell=said.append)
    assert "train.lr=0.3 is overruled in swept: row 'single' sets 0.1." in said
