"""What Tune asks for and tells: trainings in the schedule's order, and each end of a trial recorded."""

import pickle
from types import SimpleNamespace

import pytest
from ray.tune.search import Searcher

from grid.results import output_folder
from grid.results.ledger import Ledger
from grid.results.storage import Storage
from grid.results.unit_results import Stopped
from grid.running.evaluation_tasks import EvaluationTasks
from grid.running.tune_hooks import TIMES_TAKEN_BACK, EarlyStopping, TrainingSearcher, TrialCallback
from grid.specs.tables.early_stopping import Asha
from tests.grid.invented import table5
from tests.grid.recording import recording
from tests.grid.small_ledger import sweep_plan


def hooks(out, **options):
    recorder = recording(table5(), out, **options)
    tasks = EvaluationTasks(recorder.schedule, recorder, {}, Storage(folder=str(out)), failures=0)
    common = recorder.schedule, recorder, tasks.pump
    return recorder, TrainingSearcher(*common), TrialCallback(*common)


def trial_of(unit, **known):
    """What Tune knows of a trial."""
    return SimpleNamespace(config={"training": unit.id}, trial_id=f"trial of {unit.id}", **known)


@pytest.fixture
def hooked(tmp_path):
    return hooks(tmp_path)


def test_trainings_are_handed_out_as_the_schedule_releases_them_until_none_is_left(tmp_path):
    plan = table5()
    last = next(unit for unit in plan.trainings.values() if unit.parent)
    recorder, searcher, _ = hooks(tmp_path, done={*plan.trainings, *plan.evaluations} - {last.id})
    assert searcher.suggest("trial 1") == {"training": last.id}
    assert recorder.listener.heard == [("started", last.id)]
    assert searcher.suggest("trial 2") is None, "it may come back"
    recorder.schedule.finish(last.id)
    assert searcher.suggest("trial 3") == Searcher.FINISHED


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
    callback.on_trial_start(1, [], trial_of(training))
    callback.on_trial_error(1, [], trial_of(training, error_file=str(file)))
    assert told in recorder.reasons[training.label]
    assert training.id in recorder.schedule.failed, "nothing waits for it"
    assert not list(recorder.ledger.out.glob("logs/*")), "and nothing is booked"


def test_a_dead_trial_may_have_no_file(hooked):
    recorder, _, callback = hooked
    training = next(iter(recorder.schedule.plan.trainings.values()))
    callback.on_trial_start(1, [], trial_of(training))
    callback.on_trial_error(1, [], trial_of(training, error_file=None))
    assert "gives no reason" in recorder.reasons[training.label]


def test_a_training_that_was_given_a_dead_process_is_the_next_to_be_handed_out(hooked):
    recorder, searcher, callback = hooked
    (first,), (second,) = (searcher.suggest(f"trial {n}").values() for n in (1, 2))
    assert searcher.suggest("trial 3") is None, "two run"
    trial = trial_of(recorder.schedule.plan.trainings[first], error_file=None)
    for n in range(TIMES_TAKEN_BACK):
        callback.on_trial_error(1, [], trial)
        assert recorder.reasons == {}
        assert searcher.suggest(f"trial {4 + n}") == {"training": first}
        assert set(recorder.schedule.running) == {first, second}
    callback.on_trial_error(1, [], trial)
    assert [*recorder.reasons] == [recorder.schedule.plan.trainings[first].label], "and not for ever"


def test_the_last_training_too_is_handed_out_again(tmp_path):
    """Whom Tune was told once that there is none left it asks no more: it was left to the next call."""
    plan = table5()
    last = next(unit for unit in plan.trainings.values() if unit.parent)
    done = {*plan.trainings, *plan.evaluations} - {last.id}
    recorder, searcher, callback = hooks(tmp_path, done=done)
    asked = [searcher.suggest("trial 1"), searcher.suggest("trial 2")]
    callback.on_trial_error(1, [], trial_of(last, error_file=None))
    asked.append(searcher.suggest("trial 3"))
    assert asked == [{"training": last.id}, None, {"training": last.id}]
    assert recorder.reasons == {}


def test_tune_saves_nothing_of_them(hooked):
    _, *both = hooked
    for hook in both:
        assert vars(pickle.loads(pickle.dumps(hook))) == {}


def row(step, kld):
    return [
        {"step": step, "name": "train/kld/saliency", "value": 9.0},
        {"step": step, "name": "val/kld", "value": kld},
    ]


def sweep_of(out, *rates, **changes):
    plan = sweep_plan(*rates, **changes)
    iterations = next(iter(plan.trainings.values())).iterations
    return (
        plan,
        [*plan.trainings],
        lambda share: round(share * iterations),
        Ledger(out, may_stop=plan.may_stop),
    )


def test_a_point_that_is_worse_after_as_much_of_its_training_is_stopped(tmp_path):
    plan, (good, bad, other), at, ledger = sweep_of(tmp_path, "0.1", "0.01", "0.001")
    stopping = EarlyStopping(plan, ledger)
    assert stopping.heard(good, row(at(0.04), 3.0)) is None
    assert stopping.heard(bad, row(at(0.04), 9.0)) is None, "within its grace"
    assert stopping.heard(good, row(at(0.12), 2.0)) is None, "the first that comes has no rival"
    assert stopping.heard(bad, [{"step": at(0.12), "name": "train/kld", "value": 5.0}]) is None
    assert stopping.heard(bad, row(at(0.12), 2.5)) == Stopped(at(0.12), 2500, 2.5)
    assert stopping.heard(bad, row(at(0.14), 2.6)) is None, "it is told once"
    assert stopping.heard(other, row(at(0.12), 1.5)) is None, "a better one goes on"
    assert stopping.heard(good, row(at(0.2), 9.0)) is None, "between two looks nothing is decided"
    assert stopping.heard(other, row(at(0.44), 1.0)) is None
    assert stopping.heard(good, row(at(0.44), 1.1)).step == at(0.44), "at the next look it is the worse one"


def test_at_its_end_nothing_is_stopped(tmp_path):
    plan, (good, bad), at, ledger = sweep_of(tmp_path)
    stopping = EarlyStopping(plan, ledger)
    assert stopping.heard(good, row(at(1), 1.0)) is None
    assert stopping.heard(bad, row(at(1), 2.0)) is None


def test_rows_are_compared_with_themselves_alone(tmp_path):
    plan, points, at, ledger = sweep_of(tmp_path, seeds=(0, 1))
    stopping = EarlyStopping(plan, ledger)
    of_seed = [[name for name in points if name.endswith(f"-{seed}")] for seed in (0, 1)]
    assert stopping.heard(of_seed[0][0], row(at(0.1), 1.0)) is None
    assert stopping.heard(of_seed[1][0], row(at(0.1), 9.0)) is None, "another seed is no rival"
    assert stopping.heard(of_seed[1][1], row(at(0.1), 9.5)) is not None


def test_what_others_start_from_is_never_stopped(tmp_path):
    plan, _, at, ledger = sweep_of(tmp_path, approaches=("generalization", "transfer"))
    stopping = EarlyStopping(plan, ledger)
    parents = [name for name in plan.trainings if name.startswith("generalization")]
    assert stopping.heard(parents[0], row(at(0.1), 1.0)) is None
    assert stopping.heard(parents[1], row(at(0.1), 9.0)) is None


def test_what_earlier_runs_have_trained_or_stopped_is_compared_with(tmp_path):
    plan, (done, stopped, new), at, ledger = sweep_of(tmp_path, "0.1", "0.01", "0.001", stop=Asha(0.1, 2))
    weights = tmp_path / output_folder.checkpoint(done)
    weights.parent.mkdir()
    weights.write_bytes(b"weights")
    summary = {"best_kld": 1.0, "checkpoint": output_folder.checkpoint(done)}
    ledger.write_training(plan.trainings[done], row(at(0.1), 1.0), summary)
    ledger.stops.write(stopped, Stopped(at(0.1), 2500, 3.0))
    # The median of both, by which half go on, lies at 2.
    assert EarlyStopping(plan, ledger).heard(new, row(at(0.1), 1.9)) is None
    assert EarlyStopping(plan, ledger).heard(new, row(at(0.1), 2.1)) is not None


def test_a_hopeless_trial_is_told_to_stop_and_then_recorded_as_stopped(tmp_path):
    plan = sweep_plan()
    recorder = recording(plan, tmp_path)
    callback = TrialCallback(recorder.schedule, recorder, lambda: None)
    good, bad = plan.trainings.values()
    callback.on_trial_result(1, [], trial_of(good), {"rows": row(500, 1.0)})
    assert recorder.ledger.stops.of(good.id) is None
    callback.on_trial_result(1, [], trial_of(bad), {"rows": row(500, 2.0)})
    assert recorder.ledger.stops.of(bad.id) == Stopped(500, 2500, 2.0)
    callback.on_trial_complete(1, [], trial_of(bad, last_result={"stopped": 510}))
    assert recorder.listener.heard[-1][:2] == ("stopped", bad.id)
    assert recorder.reasons == {}
