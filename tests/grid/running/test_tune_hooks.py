"""What Tune asks for and tells: trainings in the schedule's order, and each end of a trial recorded."""

import pickle
from types import SimpleNamespace

import pytest
from ray.tune.search import Searcher

from grid.results import output_folder
from grid.results.storage import Storage
from grid.running.evaluation_tasks import EvaluationTasks
from grid.running.tune_hooks import TrainingSearcher, TrialCallback
from tests.grid.invented import table5
from tests.grid.recording import recording


def hooks(out, **options):
    recorder = recording(table5(), out, **options)
    tasks = EvaluationTasks(recorder.schedule, recorder, {}, Storage(folder=str(out)), failures=0)
    common = recorder.schedule, recorder, tasks.pump
    return recorder, TrainingSearcher(*common), TrialCallback(*common)


def trial_of(unit, **known):
    """What Tune knows of a trial."""
    return SimpleNamespace(config={"training": unit.id}, **known)


@pytest.fixture
def hooked(tmp_path):
    return hooks(tmp_path)


def test_trainings_are_handed_out_as_the_schedule_releases_them_until_none_is_left(tmp_path):
    plan = table5()
    last = next(unit for unit in plan.trainings.values() if unit.parent)
    recorder, searcher, _ = hooks(tmp_path, done={*plan.trainings, *plan.evaluations} - {last.id})
    assert searcher.suggest("trial 1") == {"training": last.id}
    assert recorder.listener.heard == [("started", last.id)]
    assert searcher.suggest("trial 2") == Searcher.FINISHED


def test_without_room_tune_is_to_ask_again(tmp_path):
    recorder, searcher, _ = hooks(tmp_path, cpu=1)
    (first,) = searcher.suggest("trial 1").values()
    assert recorder.schedule.plan.trainings[first].parent is None
    assert searcher.suggest("trial 2") is None


def test_a_trials_rows_are_progress_and_a_report_without_rows_is_not(hooked):
    recorder, _, callback = hooked
    training = next(iter(recorder.schedule.plan.trainings.values()))
    callback.on_trial_result(1, [], trial_of(training), {"summary": {}})
    callback.on_trial_result(
        2, [], trial_of(training), {"rows": [{"step": 3, "name": "train/loss", "value": 2.0}]}
    )
    assert recorder.listener.heard == [("progress", training.id, 3, training.iterations, {"loss": 2.0})]


def test_a_trial_that_ends_is_a_training_that_is_done(hooked):
    recorder, _, callback = hooked
    training = next(iter(recorder.schedule.plan.trainings.values()))
    weights = recorder.ledger.out / output_folder.checkpoint(training.id)
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    curve = [{"step": 1, "name": "val/kld", "value": 1.0}]
    trial = trial_of(training, last_result={"summary": {"best_kld": 1.0, "curve": curve}})
    callback.on_trial_complete(1, [trial], trial)
    assert recorder.ledger.training_done(training.id)


def test_a_trial_that_tells_of_a_failure_is_a_training_that_has_failed(hooked):
    recorder, _, callback = hooked
    training = next(iter(recorder.schedule.plan.trainings.values()))
    callback.on_trial_complete(1, [], trial_of(training, last_result={"failure": "its loss is nan"}))
    assert "its loss is nan" in recorder.ledger.failure(training.id).read_text()
    assert recorder.reasons == {}


@pytest.mark.parametrize(
    ("last", "told"),
    [({"interrupted": "the corpus was indexed again"}, "indexed again"), ({"rows": []}, "without a summary")],
)
def test_a_trial_that_ends_without_either_is_left_to_the_next_call(hooked, last, told):
    recorder, _, callback = hooked
    training = next(iter(recorder.schedule.plan.trainings.values()))
    callback.on_trial_complete(1, [], trial_of(training, last_result=last))
    assert told in recorder.reasons[training.label]
    assert recorder.ledger.failure(training.id) is None


@pytest.mark.parametrize(
    ("content", "told"),
    [("Traceback\nActorDiedError: killed", "ActorDiedError: killed"), ("", "no reason"), (None, "no reason")],
)
def test_a_trial_whose_process_dies_is_no_failure_of_its_training(hooked, tmp_path, content, told):
    recorder, _, callback = hooked
    training = next(iter(recorder.schedule.plan.trainings.values()))
    file = tmp_path / "error.txt"
    if content is not None:
        file.write_text(content)
    callback.on_trial_error(1, [], trial_of(training, error_file=str(file)))
    assert told in recorder.reasons[training.label]
    assert training.id in recorder.schedule.failed, "nothing waits for it"
    assert not list(recorder.ledger.out.glob("logs/*")), "and nothing is booked"


def test_a_dead_trial_may_have_no_file(hooked):
    recorder, _, callback = hooked
    training = next(iter(recorder.schedule.plan.trainings.values()))
    callback.on_trial_error(1, [], trial_of(training, error_file=None))
    assert "gives no reason" in recorder.reasons[training.label]


def test_tune_saves_nothing_of_them(hooked):
    _, *both = hooked
    for hook in both:
        assert vars(pickle.loads(pickle.dumps(hook))) == {}
