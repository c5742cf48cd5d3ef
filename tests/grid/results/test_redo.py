"""Results of edited code: never kept, nor made again, without a word."""

from dataclasses import replace

import pytest

from grid.plan import Plan
from grid.results import output_folder
from grid.results.redo import (
    ALL,
    former_plugins,
    of_earlier_weights,
    other_code,
    redo,
    require_unit,
    to_redo,
    unselected,
    untold_selection,
    untold_weights,
)
from grid.results.sources import code_of, evaluation_modules, training_modules
from grid.results.storage import Storage
from grid.results.unit_results import Stopped
from grid.specs import plugins
from manifests.problem import ProblemError
from tests.grid.invented import complete, evaluate, table5, train
from tests.grid.small_ledger import Ledger, finish_training, training_of
from tests.plugged import OURS, for_a_while

PLAN = table5()
GENERAL = next(unit for unit in PLAN.trainings.values() if unit.approach == "generalization")
CHILD = next(unit for unit in PLAN.trainings.values() if unit.parent == GENERAL.id)


def with_code(ledger, edited=(), file="hd2s/losses.py"):
    """Let every result say that this code made it, but for some, which another version of a file made."""
    units = {unit.id: ("training", training_modules(unit)) for unit in PLAN.trainings.values()}
    for unit in PLAN.evaluations.values():
        units[unit.id] = "evaluation", evaluation_modules(unit, PLAN.trainings[unit.training])
    for unit, (kind, modules) in units.items():
        code = code_of(modules)
        if unit in edited:
            code["files"][file] = "another"
        read = ledger.read_training if kind == "training" else ledger.read_evaluation
        result = read(unit)
        table = result.frames if kind == "evaluation" else _curve(ledger, unit)
        ledger._write(kind, unit, table, result.summary | {"code": code})


def made_again(plan, ledger, asked):
    return redo(plan, ledger, to_redo(plan, ledger, asked))


def _curve(ledger, unit):
    import pyarrow.parquet as pq

    return pq.read_table(ledger.path("training", unit))


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(tmp_path)
    complete(PLAN, ledger)
    return ledger


@pytest.mark.slow
def test_results_of_this_code_are_not_spoken_of(ledger):
    with_code(ledger)
    assert other_code(PLAN, ledger).told == ""


def test_results_that_do_not_say_what_made_them_are_told(ledger):
    total = len(PLAN.trainings) + len(PLAN.evaluations)
    told = other_code(PLAN, ledger).told
    assert told.startswith(
        f"results made by other code than this: {total}; not saying what made them: {total}."
    )


@pytest.mark.slow
def test_the_files_are_named_and_what_rests_on_such_a_result_is_counted(ledger):
    with_code(ledger, edited={GENERAL.id})
    found = other_code(PLAN, ledger)
    assert found.files == {GENERAL.id: ("hd2s/losses.py",)}
    assert found.resting == set(PLAN.dependents(GENERAL.id))
    assert "results made by other code than this: 1; differing in hd2s/losses.py (1)" in found.told
    assert f"resting on them: {len(found.resting)} more." in found.told and "--redo all" in found.told


@pytest.mark.slow
def test_all_that_other_code_made_is_made_again_with_what_rests_on_it(ledger):
    with_code(ledger, edited={GENERAL.id})
    gone = made_again(PLAN, ledger, ALL)
    assert gone == {GENERAL.id, *PLAN.dependents(GENERAL.id)} and CHILD.id in gone
    for unit in PLAN.trainings:
        assert ledger.training_done(unit) == (unit not in gone)
    for unit in PLAN.evaluations:
        assert ledger.evaluation_done(unit) == (unit not in gone)
    assert other_code(PLAN, ledger).told == ""


def test_one_unit_is_made_again_whatever_code_made_it(ledger):
    with_code(ledger)
    evaluation = next(iter(PLAN.evaluations))
    assert made_again(PLAN, ledger, evaluation.rpartition("-")[2]) == {evaluation}
    assert not ledger.evaluation_done(evaluation)
    evaluate(ledger, PLAN.evaluations[evaluation])
    train(ledger, GENERAL)


def test_nothing_of_a_unit_that_is_made_again_is_gone_on_from(ledger):
    """Saved states, parts and a stop would bring back what the old code had made of it."""
    tested = next(unit for unit in PLAN.evaluations.values() if unit.training == GENERAL.id)
    left = [ledger.out / output_folder.states(GENERAL.id), ledger.out / output_folder.parts(tested.id)]
    for folder in left:
        folder.mkdir(parents=True)
        (folder / "begun").write_text("by other code")
    ledger.stops.write(GENERAL.id, Stopped(3, 40, 2.5))
    ledger.write_failure(tested.id, "of other code")
    left += [ledger.out / output_folder.stopped(GENERAL.id), ledger.failure(tested.id)]
    assert all(place.exists() for place in left)
    assert made_again(PLAN, ledger, GENERAL.id) >= {GENERAL.id, tested.id}
    assert [place for place in left if place.exists()] == []


def test_a_kill_amid_it_leaves_no_result_of_what_is_gone(ledger, monkeypatch):
    """The scores of earlier weights stood beside a training that was made again, and of this code."""
    deleted = []
    monkeypatch.setattr(Storage, "delete", lambda storage, place: deleted.append(storage.name(place)))
    made_again(PLAN, ledger, GENERAL.id)
    for unit in (GENERAL.id, CHILD.id):
        gone = deleted.index(output_folder.result("training", unit))
        for other in PLAN.dependents(unit):
            kind = "training" if other in PLAN.trainings else "evaluation"
            assert deleted.index(output_folder.result(kind, other)) < gone
        assert deleted.index(output_folder.states(unit)) < gone
    for unit in (name for name in PLAN.dependents(GENERAL.id) if name in PLAN.evaluations):
        of_unit = [output_folder.parts(unit), output_folder.result("evaluation", unit)]
        assert [name for name in deleted if name in of_unit] == of_unit


@pytest.mark.parametrize(("asked", "found"), [("nothing_of_this_name", "none"), ("", "of them")])
def test_a_unit_that_is_not_there_or_not_the_only_one_is_told(asked, found):
    with pytest.raises(ProblemError, match=found):
        require_unit(PLAN, asked)
    require_unit(PLAN, None)
    require_unit(PLAN, ALL)


def test_a_training_that_was_not_validated_as_select_asks_is_told_kept_and_made_again_by_redo(ledger):
    asked = table5("select=[source,target]")
    lacking = unselected(asked, ledger)
    chosen = {unit.id for unit in asked.evaluations.values() if unit.spec.selection}
    assert lacking.keys() == chosen and GENERAL.id in lacking.values()
    assert untold_selection(PLAN, ledger) == ""
    trainings = {unit.training for unit in asked.evaluations.values() if unit.spec.selection}
    assert untold_selection(asked, ledger).startswith(
        f"{len(trainings)} trainings were not validated as select"
    )
    found = asked.trainings[GENERAL.id]
    kept = {
        each.name: {"kld": 1.0, "step": 5, "checkpoint": f"checkpoints/{GENERAL.id}/best.pt"}
        for each in found.kept
    }
    train(ledger, found, kept=kept)
    assert GENERAL.id not in unselected(asked, ledger).values()
    assert made_again(asked, ledger, ALL) >= trainings - {GENERAL.id}


def test_tests_of_weights_that_were_trained_again_are_told_kept_and_made_again_by_redo(ledger):
    """A training whose file was lost is trained again, on a GPU to other weights."""
    tested = [unit for unit in PLAN.evaluations.values() if unit.training == GENERAL.id]
    first, second = tested[:2]
    for unit, digest in ((first, "of before"), (second, "of now")):
        result = ledger.read_evaluation(unit.id)
        ledger._write("evaluation", unit.id, result.frames, result.summary | {"weights": digest})
    assert of_earlier_weights(PLAN, ledger) == []
    trained = ledger.read_training(GENERAL.id).summary | {"weights": "of now"}
    ledger._write("training", GENERAL.id, _curve(ledger, GENERAL.id), trained)
    assert of_earlier_weights(PLAN, ledger) == [first.id]
    assert untold_weights(PLAN, ledger).startswith(
        f"units of weights that were trained again since, to others: 1, {first.id}. They are kept"
    )
    assert first.id in to_redo(PLAN, ledger, ALL)
    children = [unit for unit in PLAN.trainings.values() if unit.parent == GENERAL.id]
    for child, digest in zip(children, ("of before", "of now"), strict=True):
        begun = ledger.read_training(child.id).summary | {"parent": digest}
        ledger._write("training", child.id, _curve(ledger, child.id), begun)
    assert of_earlier_weights(PLAN, ledger) == [children[0].id, first.id]
    assert untold_weights(PLAN, Ledger(ledger.out / "another")) == ""


def test_trainings_of_a_plug_in_that_has_changed_since_are_told(tmp_path):
    def plan(**settings):
        units = [replace(training_of("", "generalization", ("DHF1K",), model="tiny"), **settings)]
        return Plan("mine", (), {unit.id: unit for unit in units}, {}, ())

    ledger = Ledger(tmp_path)
    with for_a_while():
        plugins.load([OURS])
        before, now = plan(id="tiny-generalization-seed0-0123"), plan(id="tiny-generalization-seed0-4567")
        other = plan(id="tiny-generalization-seed1-4567")
        (training,) = before.trainings.values()
        finish_training(ledger, training)
        told = former_plugins(now, ledger)
        assert told.startswith("trainings of these names that are there under other ids: 1. They are kept")
        assert f"a file in {OURS} has changed since" in told
        assert former_plugins(before, ledger) == former_plugins(other, ledger) == ""
        (training,) = now.trainings.values()
        finish_training(ledger, training)
        assert former_plugins(now, ledger) == "", "it was trained again"
