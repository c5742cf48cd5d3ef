"""Scores against seconds a frame and hours of training, those of a parent included."""

from dataclasses import replace

import pytest

from grid.outputs.figures.efficiency import draw
from grid.results.ledger import Ledger
from grid.specs.table import Variant
from tests.grid.outputs.figures.scored import labels_shown, overlapping, score, small, subject_of


def test_what_a_model_cost_counts_what_it_started_from(tmp_path):
    plan = small(sources=("DHF1K",))
    score(Ledger(tmp_path), plan)
    rows = {row["approach"]: row for row in draw(subject_of(plan, tmp_path)).rows}
    assert rows["generalization"]["training_hours"] == pytest.approx(0.5)
    assert rows["transfer"]["training_hours"] == pytest.approx(1.0)
    assert rows["transfer"]["seconds_per_frame"] == pytest.approx(0.5)
    assert rows["transfer"]["CC"] == pytest.approx(0.9)


def test_hours_are_of_all_workers_and_of_gpus_where_all_trainings_ran_on_such(tmp_path):
    plan = small(sources=("DHF1K",), approaches=("generalization", "adaptation"))
    trainings = {unit: on_two_workers(training) for unit, training in plan.trainings.items()}
    plan = replace(plan, trainings=trainings)
    score(Ledger(tmp_path), plan)
    drawing = draw(subject_of(plan, tmp_path))
    assert {row["training_hours"] for row in drawing.rows} == {1.0}
    assert drawing.canvas.axes[1].get_xlabel() == "hours of training"
    for unit, training in trainings.items():
        found = Ledger(tmp_path).read_training(unit)
        Ledger(tmp_path).write_training(training, found.curve, found.summary | {"device": "NVIDIA H200"})
    assert draw(subject_of(plan, tmp_path)).canvas.axes[1].get_xlabel() == "GPU-hours of training"


def test_the_oracle_is_not_drawn_among_what_methods_may_do(tmp_path):
    """Its points looked like the others'."""
    plan = small(sources=("DHF1K",), variants=Variant().selected_by(("source", "target")))
    score(Ledger(tmp_path), plan)
    rows = draw(subject_of(plan, tmp_path)).rows
    assert [row["approach"] for row in rows] == ["generalization", "adaptation", "transfer"]


def on_two_workers(training):
    spec = training.spec
    return replace(training, spec=replace(spec, train=replace(spec.train, world_size=2)))


def test_no_two_models_and_approaches_are_drawn_alike(tmp_path):
    models = ("hd2s", "tased", "unisal", "centre_prior", "chance")
    plan = small(sources=("DHF1K",), models=models)
    score(Ledger(tmp_path), plan)
    lines = draw(subject_of(plan, tmp_path)).canvas.axes[0].get_lines()
    looks = [(line.get_marker(), line.get_fillstyle(), line.get_color()) for line in lines]
    assert len(set(looks)) == len(looks) == 3 * 3 + 2
    # Models without weights have one approach, and with it one colour.
    *_, centre, chance = looks
    assert centre[0] != chance[0]


@pytest.mark.parametrize("step", [2, 4, 30, 100])
def test_labels_of_any_number_of_decades_have_room(tmp_path, step):
    plan = small()
    ledger = Ledger(tmp_path)
    score(ledger, plan)
    for n, (unit, training) in enumerate(plan.trainings.items()):
        found = ledger.read_training(unit)
        ledger.write_training(training, found.curve, found.summary | {"seconds": 0.1 * step**n})
    canvas = draw(subject_of(plan, tmp_path)).canvas
    canvas.draw_without_rendering()
    axis = canvas.axes[1]
    assert axis.get_xscale() == "log"
    labels = labels_shown(axis)
    assert len(labels) >= 2
    assert not overlapping(labels)
