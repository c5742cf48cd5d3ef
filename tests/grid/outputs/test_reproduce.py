"""The page that says how to come by a grid's numbers again: its code, data and weights."""

from dataclasses import replace
from pathlib import Path

import pytest

from grid.outputs import reproduce
from grid.outputs.reproduce import page, weights_told
from grid.planning.inputs import InitialWeights
from tests.grid.grids import TINY, prepare_small
from tests.grid.invented import evaluate, train

COMMIT = "c0ffee" * 6 + "c0ff"


@pytest.fixture(scope="module")
def grid(demo_out, tmp_path_factory):
    out = tmp_path_factory.mktemp("reproduce") / "out"
    out.mkdir()
    for name in ("corpora", "manifests"):
        (out / name).symlink_to(demo_out / name)
    return prepare_small(out, *TINY, approaches="generalization")


def told(grid, **changes):
    return page(replace(grid, **changes), "python run_grid.py", "python run_grid.py --tables", 0)


def code_of(monkeypatch, commit, address):
    monkeypatch.setattr(reproduce, "commit", lambda: commit)
    monkeypatch.setattr(reproduce, "address", lambda: address)


def test_commit_and_address_of_the_code_are_told_as_commands(grid, monkeypatch):
    code_of(monkeypatch, COMMIT, "https://example.org/grid.git")
    text = told(grid)
    assert f"    git clone https://example.org/grid.git && git checkout {COMMIT}\n" in text
    assert f"; commit `{COMMIT}`; CPython" in text
    code_of(monkeypatch, f"{COMMIT} with changes", "")
    text = told(grid)
    assert f"; commit `{COMMIT}`, and changes that no commit has; CPython" in text
    assert "git clone" not in text
    code_of(monkeypatch, "", "")
    assert "commit" not in told(grid)


def test_results_are_told_by_the_commits_that_made_them(grid, monkeypatch):
    code_of(monkeypatch, "", "")
    (training,) = grid.plan.trainings.values()
    (evaluation,) = grid.plan.evaluations.values()
    train(grid.ledger, training)
    evaluate(grid.ledger, evaluation)
    assert "- 2 results were made by no commit\n" in told(grid)


def test_real_corpora_are_listed_with_clips_digests_and_where_they_are_had_from(grid):
    text = told(grid, demo=False)
    manifest = grid.manifests["DHF1K"]
    assert "- DHF1K: had from https://github.com/wenguanwang/DHF1K" in text
    assert "    python -m datasets index dhf1k --root DIR" in text
    assert f"- DHF1K: `{manifest.digest}` ({manifest.counts['train']:,} train, " in text
    assert "generates its corpora" not in text


def test_a_demo_with_a_corpus_of_ones_own_says_how_to_index_that_one(grid):
    own = replace(grid.manifests["DHF1K"], corpus="Mine", layout="folder", options={"seed": 3})
    text = told(grid, manifests={**grid.manifests, "Mine": own})
    assert "The demo generates its corpora." in text
    assert "- Mine: a corpus of the authors' own" in text
    assert "    python -m datasets index folder --name Mine --root DIR --layout folder --seed 3\n" in text
    assert "index dhf1k" not in text


def test_initial_weights_are_told_by_name_and_content(grid):
    weights = {"hd2s": InitialWeights(Path("/somewhere/S3D.pt"), "12")}
    assert weights_told(replace(grid, weights=weights)) == "SHA-256 12 (hd2s)"
    assert "SHA-256 12 (hd2s) (here S3D.pt (hd2s))." in told(grid, weights=weights)
    assert weights_told(grid) == "none"


def test_weights_that_are_not_here_are_counted(grid):
    text = page(grid, "train", "tabulate", 2)
    assert "Those of 2 trainings were not on this machine." in text
    assert "not on this machine" not in told(grid)
