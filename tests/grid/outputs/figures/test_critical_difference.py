"""The diagram of ranks: which approaches a bar joins."""

import numpy as np
import pytest

from grid.outputs.figures.critical_difference import draw, joined
from grid.results.ledger import Ledger
from tests.grid.outputs.figures.scored import score, small, subject_of


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        ([1, 2, 3], [(1, 2), (2, 3)]),
        ([1, 1.5, 2], [(1, 2)]),
        ([1, 3, 5], []),
        ([1, 2, 2.9, 5], [(1, 2), (2, 2.9)]),
    ],
)
def test_a_bar_joins_what_lies_within_the_critical_difference(ranks, expected):
    assert joined(np.array(ranks, dtype=float), 1.2) == expected


def test_approaches_stand_at_their_mean_ranks(tmp_path):
    plan = small()
    score(Ledger(tmp_path), plan)
    drawing = draw(subject_of(plan, tmp_path))
    names = [text.get_text() for text in drawing.canvas.axes[0].texts]
    assert names == ["Transfer Learning (1.00)", "Domain Adaptation (2.00)", "Domain Generalization (3.00)"]
    assert [row["mean_rank"] for row in drawing.rows if row["metric"] == "KLD"] == [3, 2, 1]


def test_one_pair_is_too_few(tmp_path):
    plan = small(sources=("DHF1K",))
    score(Ledger(tmp_path), plan)
    assert "three approaches" in draw(subject_of(plan, tmp_path))
