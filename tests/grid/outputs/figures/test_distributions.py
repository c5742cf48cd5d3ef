"""Clips and seeds behind each mean."""

import pytest

from grid.outputs.figures.distributions import draw
from grid.results.ledger import Ledger
from tests.grid.outputs.figures.scored import score, small, subject_of


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
