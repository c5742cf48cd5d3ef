"""What a failed unit leaves to read, and when it is tried again."""

import pytest

from grid.results.failures import Failures, account, consequence, failures, forget, given_up, reason
from grid.results.ledger import Ledger
from tests.grid.invented import table5
from tests.grid.small_ledger import finish_training


@pytest.fixture
def plan():
    return table5()


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def parent_of_others(plan):
    return next(t for t in plan.trainings.values() if plan.descendants(t.id))


def test_an_account_has_the_error_the_last_losses_and_the_settings(plan):
    training = parent_of_others(plan)
    rows = [
        {"step": 9, "name": "val/kld", "value": 1.5},
        {"step": 8, "name": "train/kld/saliency", "value": 2.25},
        {"step": 9, "name": "train/kld/saliency", "value": 2.0},
    ]
    text = account(training, "ValueError: no such clip\n", rows)
    assert text.startswith(f"{training.label} ({training.id}) has failed:\n\nValueError: no such clip\n")
    assert "  8: train/kld/saliency 2.25\n  9: val/kld 1.5, train/kld/saliency 2\n" in text
    assert "seed: 0" in text
    assert "It had reported no iteration." in account(training, "killed", [])


def test_a_failed_training_takes_with_it_what_needs_it_until_it_is_forgotten(plan, ledger):
    training = parent_of_others(plan)
    lost = set(plan.dependents(training.id))
    assert lost
    ledger.write_failure(training.id, account(training, "no room", []))
    for unit in lost:
        ledger.write_failure(unit, consequence(unit, training, "no room"))
    assert given_up(plan, ledger) == ({training.id}, lost)
    forget(plan, ledger)
    assert given_up(plan, ledger) == (set(), set())


def test_what_failed_is_told_apart_from_what_rests_on_it(plan, ledger):
    training = parent_of_others(plan)
    lost = set(plan.dependents(training.id))
    file = ledger.write_failure(training.id, account(training, "no room", []))
    for unit in lost:
        ledger.write_failure(unit, consequence(unit, training, "no room"))
    found = failures(plan, ledger)
    assert found.own == [("training", training, file)]
    assert found.following == {"training": 2, "evaluation": 4}
    assert found.rest == "2 trainings and 4 evaluations that rest on what failed are not done."
    forget(plan, ledger)
    assert failures(plan, ledger).rest == ""


def test_one_that_rests_on_what_failed_is_told_in_a_sentence_of_one():
    assert Failures([], {"evaluation": 1}).rest == "1 evaluation that rests on what failed is not done."


def test_what_failed_with_its_training_is_tried_again_once_the_training_is(plan, ledger):
    training = parent_of_others(plan)
    unit, *_ = plan.dependents(training.id)
    ledger.write_failure(unit, consequence(unit, training, "no room"))
    assert given_up(plan, ledger) == (set(), set())
    assert ledger.failure(unit) is None, "it is forgotten to have failed"


def test_what_has_a_result_has_not_failed(plan, ledger):
    training = parent_of_others(plan)
    finish_training(ledger, training)
    ledger.write_failure(training.id, account(training, "the storage did not answer", []))
    unit, *_ = plan.dependents(training.id)
    ledger.write_failure(unit, consequence(unit, training, "the storage did not answer"))
    assert given_up(plan, ledger) == (set(), set())
    assert (ledger.failure(training.id), ledger.failure(unit)) == (None, None)


def test_an_evaluation_that_failed_of_itself_takes_nothing_with_it(plan, ledger):
    evaluation = next(iter(plan.evaluations))
    ledger.write_failure(evaluation, "its test clips cannot be read")
    assert given_up(plan, ledger) == ({evaluation}, set())


def test_a_damaged_account_is_of_a_failure_all_the_same(plan, ledger):
    """Each run of the folder ended in a traceback, until it was deleted by hand."""
    training = parent_of_others(plan)
    file = ledger.write_failure(training.id, "an error")
    file.write_bytes(b"caf\xe9 and more")
    assert given_up(plan, ledger) == ({training.id}, set(plan.dependents(training.id)))
    assert reason(file) == "caf\ufffd and more"


def test_the_reason_of_a_failure_is_the_last_line_of_its_error(tmp_path):
    file = tmp_path / "a.error.txt"
    file.write_text("a has failed:\n\nTraceback:\nValueError: no\n\nThe last iterations reported:\n  1: x")
    assert reason(file) == "ValueError: no"
    assert reason(tmp_path / "none") == ""
