"""The schedule: parents first, the machine never overbooked, failures retire what depends on them."""

from grid.running.schedule import Schedule, Share
from grid.specs.settings import Unit
from tests.grid.invented import table5

ONE = Share(cpu=1)


def make_schedule(plan, done=(), cpu=2.0, parts=1):
    return Schedule(
        plan,
        done,
        lambda: Share(cpu=cpu),
        parts=dict.fromkeys(plan.evaluations, parts),
        train=ONE,
        evaluate=ONE,
    )


def test_a_whole_grid_runs_in_an_order_that_never_overbooks_nor_outruns_a_parent():
    plan = table5()
    schedule, running, order = make_schedule(plan), [], []
    while not schedule.over():
        while found := schedule.start_training() or schedule.start_part():
            running.append(found)
            assert len(running) <= 2
            needed = found[0].training if isinstance(found, tuple) else found.parent
            assert needed is None or needed in schedule.done
        unit = running.pop(0)
        if isinstance(unit, tuple):
            schedule.end_part(*unit)
            unit = unit[0]
        schedule.finish(unit.id)
        order.append(unit.id)
    assert sorted(order) == sorted([*plan.trainings, *plan.evaluations])


def test_trainings_that_others_wait_for_come_first():
    plan = table5()
    schedule = make_schedule(plan, cpu=3)
    first = [schedule.start_training() for _ in range(3)]
    assert {training.approach for training in first} == {"generalization"}
    assert schedule.start_training() is None, "the machine is full"


def test_an_evaluation_goes_before_a_training_that_nobody_waits_for():
    plan = table5()
    schedule = make_schedule(plan, cpu=1, done=[t.id for t in plan.trainings.values() if t.parent is None])
    assert schedule.start_training() is None
    evaluation, part = schedule.start_part()
    assert (evaluation.training in schedule.done, part) == (True, 0)


def test_parts_of_one_evaluation_run_side_by_side():
    plan = table5()
    schedule = make_schedule(plan, done=plan.trainings, cpu=3, parts=2)
    started = [schedule.start_part() for _ in range(3)]
    assert [part for _, part in started] == [0, 1, 0]
    assert started[0][0] is started[1][0] is not started[2][0]
    assert schedule.start_part() is None
    schedule.end_part(*started[0])
    assert schedule.start_part() is not None


def test_a_failed_parent_retires_its_descendants_and_their_cells():
    plan = table5()
    schedule = make_schedule(plan)
    failed = schedule.start_training()
    retired = schedule.fail(failed.id)
    children = [t.id for t in plan.trainings.values() if t.parent == failed.id]
    expected = {*children, *(e.id for e in plan.evaluations.values() if e.training in {failed.id, *children})}
    assert set(retired) == expected
    while found := schedule.start_training() or schedule.start_part():
        unit = found
        if isinstance(found, tuple):
            schedule.end_part(*found)
            unit = found[0]
        assert unit.id not in expected
        schedule.finish(unit.id)
    assert schedule.failed == {failed.id, *expected}
    assert schedule.over()


def test_a_training_that_runs_is_not_over():
    """Or an interruption would be followed by waiting for its evaluation."""
    plan = table5()
    last = next(t.id for t in plan.trainings.values() if t.approach == "adaptation")
    schedule = make_schedule(plan, done=set(plan.trainings) - {last} | set(plan.evaluations))
    assert schedule.start_training().id == last
    assert not schedule.trainings_over()
    assert not schedule.over()


def test_a_cluster_smaller_than_a_unit_is_asked_all_the_same():
    schedule = make_schedule(table5(), cpu=0.5)
    assert schedule.start_training()
    assert schedule.start_training() is None


def test_a_cluster_that_grows_is_used():
    plan, machine = table5(), [Share(cpu=1)]
    schedule = Schedule(
        plan, (), lambda: machine[0], parts=dict.fromkeys(plan.evaluations, 1), train=ONE, evaluate=ONE
    )
    assert schedule.start_training()
    assert schedule.start_training() is None
    machine[0] = Share(cpu=2)
    assert schedule.start_training()


def test_a_unit_takes_at_most_the_machine():
    machine = Share(cpu=2, gpu=0, memory=8 * 2**30)
    share = Share.of(Unit(cpu=4, gpu=-1, memory_gib=16), machine)
    assert share == machine
    assert Share.of(Unit(cpu=1, gpu=0.5, memory_gib=1), machine) == Share(1, 0.5, 2**30)
    assert Share.of(Unit(gpu=-1), Share(cpu=2, gpu=8, memory=64 * 2**30)).gpu == 1
    assert Share.of(Unit(gpu=-0.25), Share(cpu=2, gpu=8, memory=64 * 2**30)).gpu == 0.25
    assert Share.of(Unit(gpu=-0.25), machine).gpu == 0


def test_two_trainings_of_half_a_gpu_run_on_one():
    gpu = Share(cpu=8, gpu=1, memory=64 * 2**30)
    half = Share.of(Unit(cpu=2, gpu=0.5, memory_gib=8), gpu)
    plan = table5()
    schedule = Schedule(
        plan, (), lambda: gpu, parts=dict.fromkeys(plan.evaluations, 1), train=half, evaluate=half
    )
    assert schedule.start_training()
    assert schedule.start_training()
    assert schedule.start_training() is None


def test_thirds_of_a_gpu_add_up_to_one():
    gpu = Share(cpu=8, gpu=1)
    third = Share(cpu=1, gpu=1 / 3)
    plan = table5()
    schedule = Schedule(
        plan, (), lambda: gpu, parts=dict.fromkeys(plan.evaluations, 1), train=third, evaluate=third
    )
    assert [schedule.start_training() is None for _ in range(4)] == [False, False, False, True]


def test_a_training_over_two_gpus_waits_until_both_are_there():
    """On one node or on two: Ray Train spreads its workers."""
    plan, machine = table5(), [Share(cpu=16, gpu=3)]
    schedule = Schedule(
        plan,
        (),
        lambda: machine[0],
        parts=dict.fromkeys(plan.evaluations, 1),
        train=Share(cpu=2, gpu=1) * 2,
        evaluate=ONE,
    )
    assert schedule.start_training()
    assert schedule.start_training() is None
    machine[0] = Share(cpu=16, gpu=4)
    assert schedule.start_training()
