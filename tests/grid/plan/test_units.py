"""What a training reads and costs, and what rests on it."""

from dataclasses import replace

import pytest

from grid.plan import Read
from tests.grid.plans import of_approach, plan_of
from tests.grid.small_ledger import sweep_plan


@pytest.fixture(scope="module")
def plan():
    return plan_of("paper")


def test_the_costlier_training_reads_more_clips(plan):
    clips = {t.approach: t.clips for t in plan.trainings.values()}
    # 2,500 iterations of 25 micro-batches of 8; sources take turns, and a target comes beside.
    assert clips == dict.fromkeys(clips, 500_000) | {"adaptation": 1_000_000}


def test_what_looks_at_the_target_alone_reads_no_source_beside():
    assert {t.clips for t in of_approach(plan_of("controls"), "adabn")} == {10 * 25 * 8}


def test_descendants_are_children_and_their_children():
    plan = plan_of("domain_shift")
    parent = next(iter(plan.trainings))
    children = plan.descendants(parent)
    assert {plan.trainings[child].approach for child in children} == {"transfer"}
    assert len(children) == 2
    grandchild = replace(plan.trainings[children[0]], id="grandchild", parent=children[0])
    plan.trainings["grandchild"] = grandchild
    assert plan.descendants(parent) == [*children, "grandchild"]
    evaluations = [e.id for e in plan.evaluations.values() if e.training in (parent, *children)]
    assert plan.dependents(parent) == [*children, "grandchild", *evaluations]


def test_a_training_reads_its_corpora_at_its_models_size_and_maps_where_they_supervise(plan):
    adaptation = of_approach(plan, "adaptation")[0]
    size = (128, 192, 16)
    assert adaptation.reads == {
        Read("DHF1K", "train", *size): True,
        Read("DHF1K", "val", *size): True,
        Read("UCFSports", "train", *size): False,
    }
    transfer = of_approach(plan, "transfer")[0]
    assert {(read.corpus, read.split) for read in transfer.reads} == {
        (transfer.target, "train"),
        (transfer.target, "val"),
    }
    frame = plan_of("table5", "model=centre_prior", "model.height=32")
    assert {read[2:5] for unit in frame.trainings.values() for read in unit.reads} == {(32, 192, 1)}


def test_what_is_read_both_ways_is_read_with_maps():
    """A corpus whose maps supervise a training is at hand with them, whoever else looks at it."""
    training = of_approach(plan_of("domain_shift"), "adaptation")[0]
    both = replace(training, spec=replace(training.spec, unlabelled=training.spec.labelled))
    assert all(both.reads.values())


def test_the_model_that_a_plug_in_made_is_tested_with_its_code():
    plan = plan_of("table5")
    training = next(iter(plan.trainings.values()))
    assert plan.tested(training.id).plugins == ()
    spec = training.spec
    for model, approach, digests in (("m", None, ("m",)), ("m", "a", ("m", "a")), ("a", "a", ("a",))):
        of = {
            "model": replace(spec.model, plugin=model),
            "approach": replace(spec.approach, plugin=approach),
        }
        plan.trainings[training.id] = replace(training, spec=replace(spec, **of))
        assert plan.tested(training.id).plugins == digests


def test_rivals_are_the_points_of_one_row_for_one_seed():
    plan = sweep_plan(seeds=(0, 1))
    points = [[f"adaptation-DHF1K-UCFSports-{lr}-{seed}" for lr in ("0.1", "0.01")] for seed in (0, 1)]
    assert sorted(rivals.trainings for rivals in plan.rivals) == sorted(map(tuple, points))
    assert all(rivals.may_stop == {*rivals.trainings} for rivals in plan.rivals)
    assert plan.may_stop == {
        unit: training for points in points for training in points for unit in (training, f"on-{training}")
    }
    assert sweep_plan(stop=None).rivals == ()


def test_what_another_training_starts_from_is_compared_and_never_stopped():
    plan = sweep_plan(approaches=("generalization", "transfer"))
    by_approach = {rivals.trainings[0].partition("-")[0]: rivals for rivals in plan.rivals}
    assert by_approach["generalization"].may_stop == frozenset()
    assert len(by_approach["generalization"].trainings) == 2
    assert len(by_approach["transfer"].may_stop) == 2


def test_what_a_table_without_stopping_shows_is_not_stopped():
    plan = sweep_plan()
    first, second = plan.cells
    other = replace(plan.tables[0], name="other", stop=None)
    shared = replace(
        plan, tables=(*plan.tables, other), cells=(*plan.cells, replace(first, table="other", point=()))
    )
    (rivals,) = shared.rivals
    assert rivals.may_stop == {second.training}
