"""What is done, running and waiting, and how long the rest may take."""

import pytest

from grid.commands.terminal.progress import GridState
from grid.results.ledger import Ledger
from tests.grid.invented import Clock, table5, train
from tests.grid.plans import of_approach


@pytest.fixture
def plan():
    return table5()


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def test_a_state_counts_what_the_ledger_and_the_events_tell(plan, ledger):
    trainings = list(plan.trainings.values())
    train(ledger, trainings[0])
    state = GridState(plan, ledger)
    assert state.count("training") == {"done": 1, "waiting": 14}
    state.start(trainings[1].id)
    assert state.count("training") == {"done": 1, "running": 1, "waiting": 13}
    state.finish(trainings[1].id)
    assert state.count("training") == {"done": 2, "waiting": 13}
    assert state.count("evaluation") == {"waiting": 18}


def test_a_failure_blocks_what_needs_it(plan, ledger, tmp_path):
    parent = next(unit for unit in plan.trainings.values() if unit.approach == "generalization")
    state = GridState(plan, ledger)
    state.start(parent.id)
    state.fail(parent.id, tmp_path / "error.txt")
    assert state.count("training") == {"failed": 1, "blocked": 2, "waiting": 12}
    # The parent's own two cells, and one for each of the two models fine-tuned from it.
    assert state.count("evaluation") == {"blocked": 4, "waiting": 14}


def test_time_left_follows_what_was_measured(plan, ledger):
    clock = Clock()
    state = GridState(plan, ledger, clock)
    assert state.time_left() is None
    single, adapted, tuned = (of_approach(plan, w)[0] for w in ("generalization", "adaptation", "transfer"))
    assert (single.iterations, tuned.iterations) == (60, 30)
    state.start(single.id)
    clock.now = 5.0
    state.advance(single.id, 15, {"loss": 2.0})
    assert state.time_left() is None
    clock.now = 20.0
    state.advance(single.id, 30, {"loss": 1.5})
    # One second for each iteration: 30 left of this one, and 8 x 60 + 6 x 30 of those that wait.
    left = state.time_left()
    assert left.seconds == pytest.approx(30 + 480 + 180)
    assert not left.complete, "no evaluation has been measured yet"
    clock.now = 25.0
    assert state.time_left().seconds == pytest.approx(25 + 480 + 180)
    state.start(adapted.id)
    assert state.time_left().seconds == pytest.approx((25 + 480 + 180) / 2), "two run side by side"


def test_a_resumed_training_is_timed_by_its_new_steps(plan, ledger):
    clock = Clock()
    state = GridState(plan, ledger, clock)
    name = next(iter(plan.trainings))
    state.start(name)
    clock.now = 10.0
    state.advance(name, 50, {})
    clock.now = 20.0
    state.advance(name, 55, {})
    assert state.jobs[name].pace == pytest.approx(2.0)


def test_a_training_without_iterations_counts_as_one_and_divides_nothing_by_zero(tmp_path):
    """Alone, done and waiting, and beside trainings that take iterations."""
    for models in ("centre_prior", "[hd2s,centre_prior]"):
        mixed, clock = table5(f"model={models}"), Clock()
        first, second, *_ = (unit for unit in mixed.trainings.values() if not unit.iterations)
        state = GridState(mixed, Ledger(tmp_path), clock)
        state.start(first.id)
        state.advance(first.id, 0, {"val KLD": 1.5})
        assert state.time_left() is None
        clock.now = 4.0
        state.finish(first.id)
        state.start(second.id)
        clock.now = 5.0
        left = state.time_left()
        like = [unit for unit in mixed.trainings.values() if unit.id != first.id and not unit.iterations]
        assert left.seconds == pytest.approx(4.0 * len(like) - 1.0), "nothing is known of other models yet"
        assert not left.complete


def test_every_kind_measured_makes_the_estimate_complete(plan, ledger):
    clock = Clock()
    state = GridState(plan, ledger, clock)
    for unit in (next(iter(plan.trainings)), next(iter(plan.evaluations))):
        state.start(unit)
        clock.now += 6.0
        state.finish(unit)
    left = state.time_left()
    assert left.complete
    assert left.seconds == pytest.approx(0.1 * (8 * 60 + 6 * 30) + 17 * 6)
