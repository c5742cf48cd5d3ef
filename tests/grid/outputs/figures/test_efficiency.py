"""Scores against seconds a frame and hours of training, those of a parent included."""

from dataclasses import replace

import pytest

from grid.outputs.figures.efficiency import draw
from grid.results.ledger import Ledger
from tests.grid.outputs.figures.scored import score, small, subject_of


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


def on_two_workers(training):
    spec = training.spec
    return replace(training, spec=replace(spec, train=replace(spec.train, world_size=2)))
