"""Plug-in folders: what their files declare is known from then on, and every fault of them is told."""

import shutil

import pytest

from datasets.corpora.registry import available, get, title
from grid.specs.plugins import digest_of, load, origin_of, wanted_plugins
from grid.specs.settings_reader import load as load_settings
from hd2s.approaches.registry import approaches
from hd2s.metrics.definitions import METRICS, find_metric, known_metrics
from hd2s.models.registry import build_model, find_model, models
from manifests.plugins import digest
from manifests.problem import ProblemError
from tests.plugged import OURS


def test_what_a_folder_declares_is_known_by_its_word():
    load([OURS])
    model, approach = models()["tiny"], approaches()["mirror"]
    assert (model.title, approach.title, title("TinyClips")) == ("Tiny", "Mirror consistency", "Tiny Clips")
    assert build_model("tiny", seed=0, channels=3).config.channels == 3
    assert get("tiny_clips").name == "TinyClips"
    assert find_metric("hits").larger_is_better
    assert known_metrics() == (*METRICS, "hits"), "it is scored where it is asked for"
    assert approach.lacking(model, model.config()) == []
    assert approaches()["adaptation"].lacking(model, model.config()) == []
    settings = load_settings(["approach.mirror.weight=2", "model.channels=2"], demo=False, model="tiny")
    assert (settings.approach["mirror"].weight, settings.model.config.channels) == (2.0, 2)
    assert settings.train.lr == 0.05, "as its paper does"
    with pytest.raises(ProblemError, match=r"approach.mirror.weight: expected a value of the right type"):
        load_settings(["approach.mirror.weight=heavy"], demo=False)


def test_loading_a_folder_again_changes_nothing():
    load([OURS])
    before = models(), approaches(), known_metrics(), available()
    load([OURS, str(OURS)])
    assert (models(), approaches(), known_metrics(), available()) == before


def test_a_plug_in_knows_where_it_comes_from_and_what_is_the_projects_own_does_not():
    load([OURS])
    for declared, module in (
        (models()["tiny"], "ours.tiny_model"),
        (approaches()["mirror"], "ours.tiny_approach"),
        (find_metric("hits"), "ours.tiny_metric"),
    ):
        assert origin_of(declared) == (OURS, module, digest(OURS))
    for declared in (find_model("hd2s").model, approaches()["adaptation"], find_metric("NSS")):
        assert origin_of(declared) is None
        assert digest_of(declared) is None


def test_a_command_line_names_the_folders():
    assert wanted_plugins(["train.lr=1"]) == ()
    assert wanted_plugins(["plugins=one"]) == ("one",)
    assert wanted_plugins(["plugins=one", "train.lr=1", "plugins=[two,three]"]) == ("two", "three")
    assert load_settings(["plugins=[a,b]"], demo=False).plugins == ("a", "b")


TAKEN = """
from dataclasses import replace

from hd2s.approaches.generalization import APPROACH as THEIRS
from hd2s.models.centre_prior import MODEL as ANOTHER

APPROACH = replace(THEIRS, title="Mine")
MODEL = replace(ANOTHER, word="hd2s")
METRIC = "NSS"
"""


def test_all_that_is_wrong_with_folders_is_told_together_and_nothing_hides_the_rest(tmp_path):
    folder = tmp_path / "taken_words"
    shutil.copytree(OURS, folder, ignore=shutil.ignore_patterns("tiny_corpus.py", "__pycache__"))
    (folder / "a_taken.py").write_text(TAKEN)
    (tmp_path / "broken_import").mkdir()
    (tmp_path / "broken_import" / "a.py").write_text("x = 1\nimport nothing_of_the_kind\n")
    with pytest.raises(ProblemError) as caught:
        load([folder, tmp_path / "broken_import", tmp_path / "gone"])
    told = list(map(str, caught.value.problems))
    assert len(told) == 5
    for expected in (
        f"{folder}, taken_words.a_taken.APPROACH: ",
        "the word generalization is another approach's. Give it a word of its own",
        f"{folder}, taken_words.a_taken.MODEL: ",
        f"{folder}, taken_words.a_taken.METRIC: ",
        f"{tmp_path}/broken_import/a.py, line 2: expected a file that can be imported, found"
        " ModuleNotFoundError: No module named 'nothing_of_the_kind'",
        f"plug-in folder {tmp_path}/gone: expected a folder of Python files, found nothing",
    ):
        assert any(expected in one for one in told), expected
    assert "tiny" in models(), "the sound ones are known"
    assert models()["hd2s"].title == "HD2S"
