"""Scores against seconds a frame and hours of training, those of a parent included."""

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
