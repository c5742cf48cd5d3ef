"""Clips and seeds behind each mean."""

import pytest

from grid.outputs.figures.distributions import draw
from grid.results.ledger import Ledger
from tests.grid.outputs.figures.scored import labels_shown, overlapping, score, small, subject_of


def test_each_clip_each_seed_and_their_mean(tmp_path):
    plan = small(sources=("DHF1K",), approaches=("generalization",), seeds=(0, 1))
    score(Ledger(tmp_path), plan)
    drawing = draw(subject_of(plan, tmp_path))
    clips, mean, seeds = drawing.canvas.axes[0].lines
    assert clips.get_xdata().tolist() == pytest.approx([0.5, 0.5])
    assert mean.get_xdata() == pytest.approx([0.5, 0.5])
    assert len(seeds.get_xdata()) == 2
    assert [(row["clip"], row["seed"]) for row in drawing.rows if row["metric"] == "CC"] == [
        *(("clip a", 0), ("clip a", 1), ("clip b", 0), ("clip b", 1))
    ]
    labels = [label.get_text() for label in drawing.canvas.axes[0].get_yticklabels()]
    assert labels == ["DHF1K to UCF Sports: Domain Generalization"]


def test_seeds_are_called_by_their_numbers(tmp_path):
    plan = small(sources=("DHF1K",), approaches=("generalization",), seeds=(3, 7))
    score(Ledger(tmp_path), plan)
    assert {row["seed"] for row in draw(subject_of(plan, tmp_path)).rows} == {3, 7}


def test_numbers_of_many_metrics_have_room(tmp_path):
    plan = small(metrics=("CC", "KLD", "CC", "KLD", "CC", "KLD"))
    score(Ledger(tmp_path), plan)
    canvas = draw(subject_of(plan, tmp_path)).canvas
    canvas.draw_without_rendering()
    assert not overlapping(label for axis in canvas.axes for label in labels_shown(axis))
