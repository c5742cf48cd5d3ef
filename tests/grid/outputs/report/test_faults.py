"""What failed and what was left out, with what to do."""

from dataclasses import replace

from grid.outputs.report import faults as written
from grid.outputs.tables.scores import Results
from grid.results.failures import consequence
from grid.results.sources import code_of, evaluation_modules, training_modules
from grid.results.unit_results import Stopped
from manifests.writing import write
from tests.grid.outputs.report.reported import CLIPS, grid_of, score
from tests.grid.small_ledger import finish_clips, small_plan, sweep_plan, table_spec
from tests.manifests.small_manifest import broken, clip


def faults(grid):
    return written.faults(grid, Results(grid.plan, grid.ledger))


def test_where_nothing_is_wrong_that_is_said(tmp_path):
    plan = small_plan(table_spec())
    grid = grid_of(plan, tmp_path)
    score(grid.ledger, plan, generalization=1.0, adaptation=1.2, transfer=2.0)
    assert "Failed" not in faults(grid)
    assert "<table" not in faults(grid)


def test_failed_units_have_their_error_and_the_command_that_tries_them_again(tmp_path):
    plan = small_plan(table_spec())
    grid = grid_of(plan, tmp_path)
    unit = next(iter(plan.trainings))
    grid.ledger.write_failure(unit, "Traceback\n\nValueError: no <such> clip")
    text = faults(grid)
    assert f'<th scope="row">training {unit}</th><td>ValueError: no &lt;such&gt; clip</td>' in text
    assert f"<td>logs/{unit}.error.txt</td>" in text
    assert "--retry-failed" in text


def test_what_rests_on_a_failed_training_is_counted_and_not_listed(tmp_path):
    plan = small_plan(table_spec())
    grid = grid_of(plan, tmp_path)
    training = next(iter(plan.trainings.values()))
    lost = plan.dependents(training.id)
    grid.ledger.write_failure(training.id, "ValueError: no clip")
    for unit in lost:
        grid.ledger.write_failure(unit, consequence(unit, training, "ValueError: no clip"))
    text = faults(grid)
    assert text.count("<td>ValueError: no clip</td>") == 1
    assert "1 training and 2 evaluations that rest on what failed are not done." in text


def test_clips_that_could_not_be_read_are_named_with_the_reason(tmp_path):
    plan = small_plan(table_spec())
    grid = grid_of(plan, tmp_path)
    unread = {"clip z": "cut short"}
    finish_clips(
        grid.ledger, plan, next(iter(plan.trainings)), {"unread": unread}, NSS=dict.fromkeys(CLIPS, 1.0)
    )
    text = faults(grid)
    assert "<td>clip z</td><td>cut short</td>" in text


def test_quarantined_clips_are_counted_even_where_their_manifest_is_not(tmp_path):
    text = faults(grid_of(small_plan(table_spec()), tmp_path, quarantined=12))
    assert '<th scope="row">DHF1K</th><td>12 clips</td>' in text
    assert "python -m datasets check" in text


def test_quarantined_clips_are_named_by_a_manifest_that_is_here(tmp_path):
    grid = grid_of(small_plan(table_spec()), tmp_path)
    clips = [clip("001"), *(broken(f"{n:03d}") for n in range(2, 14))]
    found = write(tmp_path / "manifest", "DHF1K", tmp_path, clips, {})
    text = faults(replace(grid, manifests={"DHF1K": found}))
    assert f"<td>002</td><td>train</td><td>{found.clips(status='quarantined')[0].reason}</td>" in text
    assert "<td>2 clips</td><td></td><td>see its manifest</td>" in text


def test_short_clips_that_tests_leave_out_are_told_where_nothing_else_is_wrong(tmp_path):
    """The page said that no clip was left out, below tables that counted them."""
    plan = small_plan(table_spec())
    grid = grid_of(plan, tmp_path)
    assert faults(grid) == "<p>Nothing failed, and no clip was left out.</p>"
    training = next(iter(plan.trainings.values()))
    evaluation = plan.evaluations[f"on-{training.id}"]
    code = code_of(evaluation_modules(evaluation, training))
    finish_clips(grid.ledger, plan, training.id, {"shorter": 2, "code": code}, NSS=dict.fromkeys(CLIPS, 1.0))
    trained = grid.ledger.read_training(training.id)
    made = {**trained.summary, "code": code_of(training_modules(training))}
    grid.ledger.write_training(training, trained.curve, made)
    text = faults(grid)
    assert text.startswith("<p>Nothing failed, and no clip was quarantined.</p>")
    assert (
        f"12 test clips; 2 of fewer than {evaluation.spec.protocol.min_frames} frames are left out." in text
    )


def test_what_was_stopped_early_is_named_with_the_command_that_goes_on(tmp_path):
    plan = sweep_plan()
    grid = grid_of(plan, tmp_path)
    _, bad = plan.trainings
    grid.ledger.stops.write(bad, Stopped(250, 2500, 1.5))
    text = faults(grid)
    assert "<td>after 250 of 2,500 iterations, at a validation KLD of 1.500</td>" in text
    assert "sweep.stop=none" in text
    assert "Failed" not in text, "it has not failed"
