"""Counts are made once by each version of the code."""

import json

import pytest

from datasets.remote import LOCAL
from grid.commands import counting, operations
from grid.commands.operations import Asked, Costs, check_plugged_in, costs_of
from grid.specs.plugins import load
from manifests.problem import ProblemError
from tests.grid.plans import of_approach, plan_of
from tests.plugged import OURS

COSTS = Costs(step=5, forward=2, frame=1, weights=7, trained=8)


@pytest.fixture
def counted(monkeypatch, tmp_path):
    """What was counted: each in a process of its own, as far as it remembers."""
    monkeypatch.setenv(LOCAL, str(tmp_path))
    asked = []
    monkeypatch.setattr(counting, "count", lambda what: asked.append(what) or COSTS)
    yield asked
    for kept in (operations._costs, operations._problems_of):
        kept.cache_clear()


def training(*settings):
    return of_approach(plan_of("table6", *settings), "generalization")[0]


def test_the_next_process_finds_what_was_counted(counted, tmp_path):
    for _ in range(2):
        operations._costs.cache_clear()
        assert costs_of(training()) == COSTS
    assert len(counted) == 1
    assert counted[0].model == "hd2s"
    costs_of(training("model.height=64"))
    assert len(counted) == 2, "another size is another count"
    assert len(list(tmp_path.rglob("*.json"))) == 2


@pytest.mark.parametrize("text", ["", "[1]", json.dumps({"step": 1})])
def test_what_is_no_count_is_counted_again(counted, tmp_path, text):
    costs_of(training())
    (file,) = tmp_path.rglob("*.json")
    file.write_text(text)
    operations._costs.cache_clear()
    assert costs_of(training()) == COSTS
    assert len(counted) == 2
    assert json.loads(file.read_text())["frame"] == 1


def test_other_code_counts_anew(counted, monkeypatch):
    costs_of(training())
    operations._costs.cache_clear()
    monkeypatch.setattr(operations, "_code", lambda: "another")
    costs_of(training())
    assert len(counted) == 2


def test_a_folder_that_cannot_be_written_to_is_no_mistake(counted, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv(LOCAL, str(tmp_path / "file"))
    assert costs_of(training()) == COSTS


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("require_answer_of", r"model tiny of \S+/tiny_model\.py: .* ValueError: of another shape"),
        ("count", r"approach mirror of \S+/tiny_approach\.py: .* ValueError: of another shape"),
    ],
)
def test_what_fails_in_a_plug_in_is_told_with_its_word_and_file(counted, monkeypatch, function, told):
    load([OURS])

    def fails(asked):
        raise ValueError("of another shape")

    monkeypatch.setattr(counting, function, fails)
    with pytest.raises(ProblemError, match=told):
        operations._costs(json.dumps(Asked("tiny", {}, "mirror", None, True, 4)))


def test_all_plug_ins_that_compute_what_they_do_not_announce_are_told_at_once(counted, monkeypatch):
    load([OURS])
    tiny, hd2s = plan_of("table6", "model=tiny"), plan_of("table6")
    trainings = [*tiny.trainings.values(), *hd2s.trainings.values()]

    def fails(asked):
        raise ValueError(f"of another shape than {asked.frames} frames")

    monkeypatch.setattr(counting, "require_answer_of", fails)
    shorter = plan_of("table6", "model=tiny", "model.clip_length=3").trainings.values()
    with pytest.raises(ProblemError) as raised:
        check_plugged_in([*trainings, *shorter])
    told = [problem.found for problem in raised.value.problems]
    assert told == [f"ValueError: of another shape than {n} frames" for n in (4, 3)]
    assert counted == [], "the project's own are tested, and a run need not wait for them"
    check_plugged_in(hd2s.trainings.values())


def test_a_plug_ins_model_is_looked_at_once_for_all_approaches_and_corpora(counted, monkeypatch):
    """It computes at its full size: a table of twelve trainings waited as often for it."""
    load([OURS])
    looked = []
    monkeypatch.setattr(counting, "require_answer_of", looked.append)
    check_plugged_in(plan_of("domain_shift", "model=tiny").trainings.values())
    assert [asked.model for asked in looked] == ["tiny"]
    assert len(counted) > 2
    # An approach of one's own on the project's model, which is tested.
    operations._costs(json.dumps(Asked("hd2s", {}, "mirror", None, True, 16)))
    assert len(looked) == 1
