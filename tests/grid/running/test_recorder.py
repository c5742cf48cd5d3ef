"""What becomes of a unit reaches ledger, schedule and listeners, and failures are worded."""

import pytest

from grid.results import output_folder
from grid.results.unit_results import Stopped
from hd2s.weights.checkpoints import WeightsError
from manifests.problem import Problem, ProblemError
from tests.grid.invented import evaluate, table5
from tests.grid.ray_in_process import DiedInTaskError
from tests.grid.recording import recording
from tests.grid.small_ledger import sweep_plan

OUTCOME = {"best_kld": 1.0, "seconds": 2.0, "curve": [{"step": 1, "name": "val/kld", "value": 1.0}]}


@pytest.fixture
def recorder(tmp_path):
    return recording(table5(), tmp_path)


@pytest.fixture
def parent(recorder):
    """A training that others start from."""
    plan = recorder.schedule.plan
    return next(unit for unit in plan.trainings.values() if plan.descendants(unit.id))


def write(out, name):
    path = out / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"content")
    return path


def test_a_finished_training_is_in_the_ledger_and_its_states_are_gone(recorder, parent):
    out = recorder.ledger.out
    write(out, output_folder.checkpoint(parent.id))
    state = write(out, output_folder.state(parent.id, 1, "a"))
    recorder.training_finished(parent, OUTCOME)
    assert recorder.ledger.training_done(parent.id)
    assert recorder.ledger.read_training(parent.id).curve == OUTCOME["curve"]
    assert not state.exists()
    assert parent.id in recorder.schedule.done
    ((event, unit, summary, curve),) = recorder.listener.heard
    assert (event, unit, curve) == ("finished", parent.id, OUTCOME["curve"])
    assert summary == {
        "best_kld": 1.0,
        "seconds": 2.0,
        "clips": parent.clips,
        "likeness": parent.likeness,
        "checkpoint": output_folder.checkpoint(parent.id),
    }


def test_a_training_without_weights_has_failed_with_all_that_needs_it(recorder, parent):
    recorder.training_progressed(parent, [{"step": 7, "name": "train/loss", "value": 2.5}])
    recorder.listener.heard.clear()
    recorder.training_finished(parent, OUTCOME)
    ledger, lost = recorder.ledger, recorder.schedule.plan.dependents(parent.id)
    assert {unit for _, unit, _ in recorder.listener.heard} == {parent.id, *lost} == recorder.schedule.failed
    assert all(file == ledger.failure(unit) for _, unit, file in recorder.listener.heard)
    text = ledger.failure(parent.id).read_text()
    assert "expected its best checkpoint inside the output folder" in text
    assert "Traceback" not in text
    assert "  7: train/loss 2.5\n" in text
    assert ledger.failure(lost[0]).read_text().startswith(f"{lost[0]} needs {parent.id}, which failed:")


def test_a_result_that_cannot_be_kept_is_no_failure_of_its_training(recorder, parent, monkeypatch):
    write(recorder.ledger.out, output_folder.checkpoint(parent.id))
    state = write(recorder.ledger.out, output_folder.state(parent.id, 1, "a"))

    def silent(storage, name, **options):
        raise OSError("the storage does not answer")

    monkeypatch.setattr(type(recorder.ledger.storage), "publish", silent)
    recorder.training_finished(parent, OUTCOME)
    assert [event for event, *_ in recorder.listener.heard] == ["interrupted"]
    assert "the storage does not answer" in recorder.reasons[parent.label]
    assert recorder.ledger.failure(parent.id) is None
    assert recorder.ledger.training_done(parent.id), "the storage gets it when it answers"
    assert state.exists()


def test_progress_is_told_as_the_sum_of_the_losses_and_the_last_validation(recorder, parent):
    rows = [
        {"step": 4, "name": "train/kld/saliency", "value": 9.0},
        {"step": 5, "name": "train/kld/saliency", "value": 1.5},
        {"step": 5, "name": "train/domain", "value": 0.5},
        {"step": 5, "name": "lambda", "value": 0.1},
        {"step": 5, "name": "val/kld", "value": 1.25},
    ]
    recorder.training_progressed(parent, rows[:-1])
    recorder.training_progressed(parent, rows)
    first, second = recorder.listener.heard
    assert first == ("progress", parent.id, 5, parent.iterations, {"loss": 2.0})
    assert second[-1] == {"loss": 2.0, "val KLD": 1.25}


def test_a_model_fitted_at_once_tells_its_validation_and_no_loss_that_it_has_not(tmp_path):
    plan = table5("model=centre_prior")
    recorder = recording(plan, tmp_path)
    unit = next(iter(plan.trainings.values()))
    rows = [{"step": 0, "name": "val/kld", "value": 1.25}]
    recorder.training_progressed(unit, rows)
    write(tmp_path, output_folder.checkpoint(unit.id))
    recorder.training_finished(unit, {**OUTCOME, "iterations": 0, "best_step": 0, "curve": rows})
    assert recorder.listener.heard[0] == ("progress", unit.id, 0, 0, {"val KLD": 1.25})
    assert recorder.listener.heard[1][0] == "finished"
    found = recorder.ledger.read_training(unit.id)
    assert (found.curve, found.summary["iterations"]) == (rows, 0)


def test_what_failed_before_is_left_alone_without_a_word_of_its_own(recorder, parent):
    before = recorder.ledger.write_failure(parent.id, "of an earlier run").stat().st_mtime_ns
    recorder.leave_alone(parent.id)
    lost = recorder.schedule.plan.dependents(parent.id)
    assert {unit for _, unit, _ in recorder.listener.heard} == set(lost)
    assert recorder.ledger.failure(parent.id).stat().st_mtime_ns == before
    assert recorder.ledger.failure(lost[-1]).read_text().endswith("of an earlier run")
    evaluation = next(unit for unit in recorder.schedule.plan.evaluations if unit not in lost)
    recorder.leave_alone(evaluation)
    assert recorder.schedule.failed == {parent.id, *lost, evaluation}


def test_a_finished_evaluation_loses_its_parts(recorder):
    evaluation = next(iter(recorder.schedule.plan.evaluations.values()))
    part = write(recorder.ledger.out, output_folder.part(evaluation.id, 0))
    evaluate(recorder.ledger, evaluation, nss=1.0)
    recorder.evaluation_finished(evaluation)
    assert not part.exists()
    assert recorder.listener.heard == [("finished", evaluation.id, 2.0)]
    assert evaluation.id in recorder.schedule.done


PROBLEM = Problem("clip 7", "20 frames", "3", "Index it again.")


@pytest.mark.parametrize(
    ("error", "told", "traceback"),
    [
        (ProblemError(PROBLEM), str(PROBLEM), False),
        (DiedInTaskError(ProblemError(PROBLEM)), str(PROBLEM), False),
        (DiedInTaskError(WeightsError("weights.pt: missing fusion")), "weights.pt: missing fusion", False),
        (ValueError("no such clip"), "ValueError: no such clip", True),
    ],
)
def test_a_failed_evaluation_leaves_what_its_error_says(recorder, error, told, traceback):
    evaluation = next(iter(recorder.schedule.plan.evaluations.values()))
    try:
        raise error
    except type(error) as raised:
        recorder.evaluation_failed(evaluation, raised)
    text = recorder.ledger.failure(evaluation.id).read_text()
    assert told in text
    assert ("Traceback" in text) == traceback
    assert recorder.listener.heard == [("failed", evaluation.id, recorder.ledger.failure(evaluation.id))]
    assert recorder.schedule.failed == {evaluation.id}


def test_a_failure_that_cannot_be_written_down_stops_nothing(recorder, parent, caplog):
    (recorder.ledger.out / "logs").write_text("in the way")
    recorder.training_failed(parent, "a reason")
    assert recorder.listener.heard[0] == ("failed", parent.id, recorder.ledger.out / "logs")
    assert "a reason" in caplog.text
    assert parent.id in recorder.schedule.failed


def test_a_training_that_is_stopped_leaves_its_states_and_no_failure(tmp_path):
    recorder = recording(sweep_plan(), tmp_path)
    first, second = recorder.schedule.plan.trainings.values()
    state = write(tmp_path, output_folder.state(first.id, 3, "a"))
    recorder.stop_asked(first, Stopped(3, 60, 2.5))
    recorder.training_stopped(first)
    assert recorder.listener.heard == [
        ("stopped", first.id, "after 3 of 60 iterations, at a validation KLD of 2.500")
    ]
    assert state.exists()
    assert recorder.ledger.failure(first.id) is None
    assert recorder.schedule.failed == {first.id, f"on-{first.id}"}, "nobody waits for it"
    assert recorder.schedule.start_training() == second


def test_a_training_that_ends_before_it_hears_that_it_is_stopped_is_done(tmp_path):
    recorder = recording(sweep_plan(), tmp_path)
    first = next(iter(recorder.schedule.plan.trainings.values()))
    recorder.stop_asked(first, Stopped(3, 60, 2.5))
    write(tmp_path, output_folder.checkpoint(first.id))
    recorder.training_finished(first, OUTCOME)
    assert recorder.ledger.status(first.id, "training") == "done"
    assert recorder.ledger.stops.of(first.id) is None
