"""Plug-in folders: what their files declare is known from then on, and every fault of them is told."""

import shutil

import pytest

from datasets.corpora.registry import available, get, title
from grid.results import dataframes
from grid.specs.plugins import blamed, digest_of, load, load_wanted, origin_of, wanted_plugins
from grid.specs.settings_reader import load as load_settings
from hd2s.approaches.registry import approaches
from hd2s.metrics.checked import COLUMNS
from hd2s.metrics.definitions import METRICS, find_metric, known_metrics
from hd2s.models.registry import build_model, find_model, models
from manifests.plugins import digest, python_files
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
        assert origin_of(declared) == (
            OURS,
            module,
            digest(python_files(OURS), f"{module.partition('.')[2]}.py"),
        )
    for declared in (find_model("hd2s").model, approaches()["adaptation"], find_metric("NSS")):
        assert origin_of(declared) is None
        assert digest_of(declared) is None


def test_a_command_line_names_the_folders():
    assert wanted_plugins(["train.lr=1"]) == ()
    assert wanted_plugins(["plugins=one"]) == ("one",)
    assert wanted_plugins(["plugins=one", "train.lr=1", "plugins=[two,three]"]) == ("two", "three")
    assert load_settings(["plugins=[a,b]"], demo=False).plugins == ("a", "b")


def test_folders_of_the_command_line_and_of_a_grids_files_are_each_loaded_once(monkeypatch):
    monkeypatch.chdir(OURS.parent)
    assert wanted_plugins(["plugins=[ours]"], [str(OURS), "lab/theirs"]) == ("ours", "lab/theirs")
    given = load_wanted(["train.lr=1", "plugins=[ours,./ours]"], [str(OURS / ".." / "ours")])
    assert load_settings(given, demo=False).plugins == ("ours",)
    assert load_settings(load_wanted([], [str(OURS)]), demo=False).plugins == (str(OURS),)
    assert "tiny" in models()
    assert load_wanted(["train.lr=1"]) == ["train.lr=1"]


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
    (tmp_path / "broken_import" / "b.py").write_text("from a import x\n")
    with pytest.raises(ProblemError) as caught:
        load([folder, tmp_path / "broken_import", tmp_path / "gone"])
    told = list(map(str, caught.value.problems))
    assert len(told) == 6
    for expected in (
        "No module named 'a'. Files of a folder import each other as: from .a import …",
        f"{folder}, taken_words.a_taken.APPROACH: ",
        "the word generalization is another approach's. Give it a word of its own",
        f"{folder}, taken_words.a_taken.MODEL: ",
        f"metric of {folder}/a_taken.py, itself: expected a hd2s.metrics.definitions.Metric, found 'NSS'",
        f"{tmp_path}/broken_import/a.py, line 2: expected a file that can be imported, found"
        " ModuleNotFoundError: No module named 'nothing_of_the_kind'",
        f"plug-in folder {tmp_path}/gone: expected a folder of Python files, found nothing",
    ):
        assert any(expected in one for one in told), expected
    assert "tiny" in models(), "the sound ones are known"
    assert models()["hd2s"].title == "HD2S"


WRONG = """
from hd2s.approaches.contract import Approach
from hd2s.metrics.definitions import Metric

APPROACH = Approach("drawn", "Drawn", colour="violett", keeps="worst", needs={"feature"}, learner=None)
METRIC = Metric("frame", 0.0, 1.0, larger_is_better=True, of_frame=len)
"""
RESTS = """
from hd2s.approaches.contract import Approach

APPROACH = Approach({word!r}, "Mine", {rests})
"""


def told_of(folder, **files):
    """Return the problems of a folder with these files."""
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    with pytest.raises(ProblemError) as caught:
        load([folder])
    return [str(problem) for problem in caught.value.problems]


def test_all_faults_of_declarations_are_told_with_word_and_file(tmp_path):
    folder = tmp_path / "declared_wrongly"
    told = told_of(folder, theirs=WRONG)
    for expected in (
        f"approach drawn of {folder}/theirs.py, colour: expected #rrggbb, ",
        "keeps: expected best or last, found 'worst'",
        "needs: expected a set of some of features, domains, blocks, found {'feature'}",
        "learner: expected a function, found None",
        f"metric frame of {folder}/theirs.py, name: expected one that no other column of results has",
    ):
        assert any(expected in one for one in told), (expected, told)
    assert len(told) == 5
    assert "drawn" not in approaches()
    assert "frame" not in known_metrics()


def test_an_approach_may_name_one_of_a_later_file_and_none_that_there_is_not(tmp_path):
    files = {
        "a_first": RESTS.format(word="first", rests="improves_on='second'"),
        "b_second": RESTS.format(word="second", rests="parent='generalization'"),
    }
    (tmp_path / "in_order").mkdir()
    for name, text in files.items():
        (tmp_path / "in_order" / f"{name}.py").write_text(text)
    load([tmp_path / "in_order"])
    assert approaches()["first"].improves_on == "second"
    told = told_of(
        tmp_path / "dangling",
        a_lost=RESTS.format(word="lost", rests="parent='nothing', improves_on='generalisation'"),
        b_after=RESTS.format(word="after", rests="trained_as='lost'"),
        c_round=RESTS.format(word="round", rests="parent='round'"),
    )
    for expected in (
        f"approach lost of {tmp_path}/dangling/a_lost.py, parent: expected one of ",
        "found 'nothing'",
        "found 'generalisation'",
        "approach after of ",
        "parent: expected an approach that does not rest on this one, found 'round'",
    ):
        assert any(expected in one for one in told), (expected, told)
    assert not {"lost", "after", "round"} & approaches().keys()


def test_what_a_plug_ins_code_raises_is_told_with_word_file_and_line():
    load([OURS])
    model, approach = models()["tiny"], approaches()["mirror"]
    with pytest.raises(ProblemError) as caught, blamed(model, approach):
        approach.unlabelled((), "A", "more")
    assert str(caught.value).startswith(f"model tiny of {OURS}/tiny_model.py: ")
    with (
        pytest.raises(
            ProblemError, match=r"model tiny of \S+tiny_model\.py, line \d+: .* found AttributeError"
        ),
        blamed(approach),
    ):
        model.config.input.fget(None)
    with pytest.raises(KeyError), blamed(models()["hd2s"]):
        raise KeyError("of the project's own")


def test_metrics_are_called_as_no_other_column_of_results():
    assert {"clip", "frame", "n_fixations", *dataframes._AXES} <= COLUMNS
