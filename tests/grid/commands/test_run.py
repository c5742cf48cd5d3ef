"""A grid from what is left of it to its tables: here all is done or given up, and Ray is not started."""

import re
import shlex
import shutil
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest
from mlflow.tracking import MlflowClient

from grid.commands.run import DONE, FAILED, INTERRUPTED, compile_grid, not_taken, run, status_of
from grid.outputs.tables.formats import FORMATS
from grid.planning.prepare import prepare
from grid.results import output_folder
from grid.results.unit_results import Stopped
from grid.running import jobs
from grid.running.events import Listener
from grid.running.ray_cluster import ray_session
from grid.running.schedule import Schedule, Share
from manifests.problem import LostError, Problem, ProblemError
from tests.grid.grids import ONE, prepare_small
from tests.grid.small_ledger import frames
from tests.plugged import OURS

MLFLOW_STATES = {DONE: "FINISHED", FAILED: "FAILED", INTERRUPTED: "KILLED"}


class Phases(Listener):
    def __init__(self):
        self.heard = []

    def on_phase(self, text):
        self.heard.append(text)

    def on_todo(self, units):
        self.todo = units


def ray_that(monkeypatch, error):
    """Have the start of Ray end in an error."""

    @contextmanager
    def session():
        raise error
        yield

    monkeypatch.setattr(ray_session, "session", session)


def driven(monkeypatch):
    """Have nothing done; return the trainings that would be begun, and the units that would be left alone."""
    begun, left_alone = [], []

    def sweep(grid, done, listener, interruption):
        parts = dict.fromkeys(grid.plan.evaluations, 1)
        schedule = Schedule(grid.plan, done, lambda: Share(cpu=8), parts=parts, train=ONE, evaluate=ONE)

        def handed_out():
            while training := schedule.start_training():
                begun.append(training.id)

        recorder = SimpleNamespace(reasons={}, leave_alone=left_alone.append)
        return SimpleNamespace(schedule=schedule, recorder=recorder, run=handed_out)

    monkeypatch.setattr(jobs, "sweep", sweep)
    monkeypatch.setattr(ray_session, "session", nullcontext)
    return begun, left_alone


@pytest.fixture(autouse=True)
def no_ray(monkeypatch):
    ray_that(monkeypatch, AssertionError("Ray is started"))


@pytest.fixture
def store(new_store, small_demo):
    return new_store(small_demo)


def state_of(store):
    """What MLflow says of the grid's own run."""
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("hd2s-grid-demo")
    (found,) = client.search_runs([experiment.experiment_id], "tags.kind = 'grid'")
    return found.info.status


@pytest.mark.slow
def test_a_grid_that_is_done_is_tabulated_and_logged(done_grid, store):
    listener = Phases()
    outcome = run(done_grid, listener, None)
    assert (outcome.status, outcome.warnings, outcome.left_alone) == (DONE, [], 0)
    assert outcome.views == [], "nobody serves them yet"
    assert shlex.split(outcome.look) == ["python", "-m", "grid", "ui", "--out", str(done_grid.out)]
    assert {path.name for path in (done_grid.out / "tables").iterdir()} >= {f"small{end}" for end in FORMATS}
    assert (done_grid.out / "grids" / "small.json").is_file(), "it is remembered"
    assert listener.heard == ["compiling tables, drawing figures and completing MLflow"]
    assert state_of(store) == "FINISHED"


@pytest.mark.slow
@pytest.mark.parametrize(
    "error", [ProblemError(Problem("small.tex", "room", "none", "Free some.")), OSError("no such disk")]
)
def test_tables_that_cannot_be_written_keep_nothing_else_from_its_end(done_grid, store, monkeypatch, error):
    def fail(*args):
        raise error

    monkeypatch.setattr("grid.commands.run.compile_tables", fail)
    outcome = run(done_grid, Phases(), None)
    assert (outcome.status, outcome.warnings) == (FAILED, [f"Tables are not written: {error}"])
    assert outcome.report
    assert state_of(store) == "FAILED"


@pytest.mark.slow
def test_nothing_is_taken_away_that_cannot_be_made_again(done_grid, monkeypatch):
    """With status 2, "nothing was started", all results were gone, where there was no GPU to make them on."""

    def refuse(*_):
        raise ProblemError(Problem("train.mixed_precision", "a GPU", "none", "Run where there is one."))

    monkeypatch.setattr("grid.commands.run.check_precision", refuse)
    with pytest.raises(ProblemError, match="expected a GPU"):
        run(done_grid, Phases(), None, again=next(iter(done_grid.plan.trainings)))
    assert all(map(done_grid.ledger.training_done, done_grid.plan.trainings))
    assert all(map(done_grid.ledger.evaluation_done, done_grid.plan.evaluations))
    (evaluation,) = done_grid.plan.evaluations
    done_grid.ledger.remove_evaluation(evaluation)
    failure = done_grid.ledger.write_failure(evaluation, "no such clip")
    with pytest.raises(ProblemError, match="expected a GPU"):
        run(done_grid, Phases(), None, retry_failed=True)
    assert failure.exists(), "what it failed of can still be read"


@pytest.mark.slow
def test_nothing_is_taken_away_whose_training_failed(done_grid, store, monkeypatch):
    """The weights are lost, and training them again fails: a test that was done was gone for good."""
    (training,), (evaluation,) = done_grid.plan.trainings, done_grid.plan.evaluations
    (done_grid.out / output_folder.checkpoint(training)).unlink()
    done_grid.ledger.write_failure(training, "out of memory")
    told = f"expected what {evaluation} rests on, found {training}, which failed before. Add --retry-failed"
    with pytest.raises(ProblemError, match=told):
        run(done_grid, Phases(), None, again=evaluation)
    assert done_grid.ledger.evaluation_done(evaluation)
    assert run(done_grid, Phases(), None).left_alone == 1, "the test has not failed"
    begun, _ = driven(monkeypatch)
    listener = Phases()
    run(done_grid, listener, None, again=evaluation, retry_failed=True)
    assert (begun, listener.todo) == ([training], {training, evaluation})
    assert not done_grid.ledger.evaluation_done(evaluation)


@pytest.mark.slow
def test_what_failed_and_is_left_alone_is_not_checked_for_what_else_is_made_again(
    done_grid, store, monkeypatch
):
    """A plug-in that failed kept all others from being made again."""
    other = prepare_small(done_grid.out, *done_grid.overrides, "seeds=[0,1]", approaches="generalization")
    done, failed = other.plan.trainings
    assert done_grid.ledger.training_done(done)
    other.ledger.write_failure(failed, "its plug-in has no such layer")
    looked_at = []
    monkeypatch.setattr("grid.commands.run.check_plugged_in", looked_at.extend)
    _, left_alone = driven(monkeypatch)
    run(other, Phases(), None, again=done)
    assert ([unit.id for unit in looked_at], left_alone) == ([done], [failed])


@pytest.mark.slow
def test_a_training_that_lacks_the_selection_asked_for_is_kept_and_its_cells_say_so(done_grid, store):
    overrides = [*done_grid.overrides, "select=[source,target]"]
    asked = prepare(done_grid.name, overrides, done_grid.out, demo=True, tell=lambda text: None)
    (training,) = asked.plan.trainings
    before = asked.ledger.path("training", training).stat().st_mtime_ns
    outcome = run(asked, Phases(), None)
    assert (outcome.status, outcome.left_alone) == (FAILED, 0)
    assert asked.ledger.path("training", training).stat().st_mtime_ns == before
    told = (done_grid.out / "tables" / "small.md").read_text()
    assert f"trained without this selection, --redo {training} makes it again" in told
    assert "1 of 2 cells have all their values" in told


@pytest.mark.slow
def test_what_is_trained_again_for_want_of_its_weights_is_tested_as_selected(done_grid, store, monkeypatch):
    """It was validated so, and its cells stayed empty until the next run all the same."""
    overrides = [*done_grid.overrides, "select=[source,target]"]
    asked = prepare(done_grid.name, overrides, done_grid.out, demo=True, tell=lambda text: None)
    (training,) = asked.plan.trainings
    (done_grid.out / output_folder.checkpoint(training)).unlink()
    begun, left_alone = driven(monkeypatch)
    assert run(asked, Phases(), None).status == INTERRUPTED
    assert (begun, left_alone) == ([training], [])


def test_a_plug_in_that_computes_what_it_does_not_announce_is_told_before_ray_starts(
    small_demo, store, tmp_path
):
    file = tmp_path / "answers_twice" / "tiny_model.py"
    shutil.copytree(OURS, file.parent, ignore=shutil.ignore_patterns("__pycache__"))
    file.write_text(file.read_text().replace("scale_factor=4", "scale_factor=8"))
    grid = prepare_small(small_demo, f"plugins=[{file.parent}]", "model=tiny")
    told = r"model tiny of \S+/tiny_model\.py: expected code that runs, found ValueError: saliency is to have"
    with pytest.raises(ProblemError, match=told):
        run(grid, Phases(), None)


@pytest.mark.slow
def test_what_failed_before_is_left_alone_and_counted(trained_grid, store):
    (evaluation,) = trained_grid.plan.evaluations
    failure = trained_grid.ledger.write_failure(evaluation, "no such clip")
    outcome = run(trained_grid, Phases(), None)
    assert (outcome.status, outcome.left_alone) == (FAILED, 1)
    assert failure.read_text() == "no such clip"
    assert state_of(store) == "FAILED"


@pytest.mark.slow
def test_asked_for_it_is_tried_again_and_an_interruption_leaves_it_to_the_next_call(
    trained_grid, store, monkeypatch
):
    (evaluation,) = trained_grid.plan.evaluations
    trained_grid.ledger.write_failure(evaluation, "no such clip")
    ray_that(monkeypatch, KeyboardInterrupt())
    listener = Phases()
    outcome = run(trained_grid, listener, None, retry_failed=True)
    assert (outcome.status, outcome.left_alone) == (INTERRUPTED, 0)
    assert listener.heard[0] == "starting Ray"
    assert listener.todo == {evaluation}
    assert trained_grid.ledger.failure(evaluation) is None
    assert state_of(store) == "KILLED"


def test_an_error_ends_the_grids_run_as_failed_and_goes_on_its_way(trained_grid, store, monkeypatch):
    ray_that(monkeypatch, RuntimeError("Ray does not start"))
    with pytest.raises(RuntimeError, match="Ray does not start"):
        run(trained_grid, Phases(), None)
    assert state_of(store) == "FAILED"


@pytest.mark.parametrize(
    ("error", "starts", "state"),
    [(ProblemError, "", "FAILED"), (ProblemError, "2", "KILLED"), (LostError, "", "KILLED")],
)
def test_a_ray_that_does_not_start_any_more_ends_the_grids_run_as_killed(
    request, monkeypatch, error, starts, state
):
    grid, store = map(request.getfixturevalue, ("trained_grid", "store"))
    monkeypatch.setenv("HD2S_RAY_STARTS", starts)
    if not starts:
        monkeypatch.delenv("HD2S_RAY_STARTS")
    ray_that(monkeypatch, error(Problem("Ray", "a Ray that starts", "no space left", "Make room.")))
    with pytest.raises(error):
        run(grid, Phases(), None)
    assert state_of(store) == state


def test_a_grid_does_not_start_with_a_server_that_is_not_there(trained_grid):
    listener = Phases()
    with pytest.raises(ProblemError, match="leave --tracking-uri out") as caught:
        run(trained_grid, listener, "http://127.0.0.1:9")
    (problem,) = caught.value.problems
    assert (problem.where, problem.expected) == ("--tracking-uri http://127.0.0.1:9", "an MLflow server")
    assert listener.heard == []


def test_a_grid_is_done_when_every_cell_has_all_its_values(trained_grid):
    (evaluation,) = trained_grid.plan.evaluations.values()
    expected = {"clip a": 1, "clip b": 3}
    assert status_of(trained_grid) == FAILED
    scores = {metric.replace("-", "_"): [0.5] * 4 for metric in ("NSS", "CC", "SIM", "AUC-J", "s-AUC")}
    unread = {"unread": {"clip c": "expected 20 frames, found 3"}}
    for values, summary, status in (
        (scores | {"CC": [float("nan")] * 4}, {}, FAILED),
        (scores, unread, FAILED),
        (scores, {}, DONE),
    ):
        trained_grid.ledger.write_evaluation(evaluation, frames(**values), summary, expected=expected)
        assert status_of(trained_grid) == status


def test_tables_of_a_grid_that_has_not_begun_say_so(trained_grid):
    written = compile_grid(trained_grid)
    assert {path.suffix for path in written} == set(FORMATS)
    text = (trained_grid.out / "tables" / "small.md").read_text(encoding="utf-8")
    assert "0 of 1 cell has all its values" in text
    assert f"--out {trained_grid.out} --tables" in text, "how to compile them again"


def test_what_cannot_be_taken_of_returned_scores_is_told(trained_grid):
    folder = trained_grid.out / "results" / "external"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "returned.csv").write_text("training,test,NSS\nnobody,DHF1K,2.5\n")
    assert not_taken(trained_grid) == [], "no cell waits for them"
    plan = replace(trained_grid.plan, withheld=trained_grid.plan.cells[:1])
    (told,) = not_taken(replace(trained_grid, plan=plan))
    assert "returned.csv, line 2: expected a training of this folder or grid, found 'nobody'" in told


SWEPT = """
name: swept
title: A sweep
metrics: [NSS]
sources: [DHF1K]
targets: [UCFSports]
approaches: [generalization]
sweep: {train.lr: [0.01, 0.001]}
"""


def swept(grid, *more):
    spec = grid.out / "swept.yaml"
    spec.write_text(SWEPT)
    overrides = [*(item for item in grid.overrides if "train.lr" not in item), *more]
    return prepare(str(spec), overrides, grid.out, demo=True, tell=lambda text: None)


@pytest.mark.slow
def test_what_was_stopped_is_left_alone_until_the_wish_is_withdrawn(done_grid, store, monkeypatch):
    asked = partial(swept, done_grid)
    grid = asked("sweep.stop=asha")
    for training in grid.plan.trainings:
        grid.ledger.stops.write(training, Stopped(1, 4, 9.0))
    outcome = run(grid, Phases(), None)
    assert (outcome.status, outcome.left_alone) == (DONE, 0), "Ray is not started"
    assert all(grid.ledger.status(unit, "training") == "stopped" for unit in grid.plan.trainings)
    ray_that(monkeypatch, KeyboardInterrupt())
    listener = Phases()
    assert run(asked(), listener, None).status == INTERRUPTED
    assert "starting Ray" in listener.heard, "they go on"
    again = asked("sweep.stop=asha")
    assert all(again.ledger.status(unit, "training") == "todo" for unit in again.plan.trainings)


@pytest.mark.slow
def test_what_was_stopped_is_left_alone_beside_what_is_to_do(done_grid, store, monkeypatch):
    """It was begun again, for an iteration or, with several workers, until its next validation."""
    grid = swept(done_grid, "sweep.stop=asha")
    stopped, other = grid.plan.trainings
    grid.ledger.stops.write(stopped, Stopped(1, 4, 9.0))
    begun, left_alone = driven(monkeypatch)
    assert run(grid, Phases(), None).status == INTERRUPTED, "nobody has trained the other one"
    assert (begun, left_alone) == ([other], [])


@pytest.mark.slow
def test_a_test_of_what_was_stopped_cannot_be_made_again_alone(done_grid, store, monkeypatch):
    """Ray was started for it, and nothing done."""
    grid = swept(done_grid, "sweep.stop=asha")
    stopped, other = grid.plan.trainings
    for training in (stopped, other):
        grid.ledger.stops.write(training, Stopped(1, 4, 9.0))
    (evaluation,) = (unit.id for unit in grid.plan.evaluations.values() if unit.training == stopped)
    ray_that(monkeypatch, KeyboardInterrupt())
    told = (
        f"--redo {evaluation}: expected what {evaluation} rests on, found {stopped}, which was stopped early."
        f" sweep.stop=none trains it to its end, --redo {stopped} from its beginning."
    )
    with pytest.raises(ProblemError, match=re.escape(told)):
        run(grid, Phases(), None, again=evaluation)
    listener = Phases()
    assert run(grid, listener, None, again=stopped).status == INTERRUPTED
    assert "starting Ray" in listener.heard
    assert grid.ledger.stops.of(other), "and no other"
