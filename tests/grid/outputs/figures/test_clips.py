"""Two approaches clip by clip."""

import pytest

from grid.outputs.figures.clips import draw
from grid.results.ledger import Ledger
from tests.grid.outputs.figures.scored import score, small, subject_of


def test_a_clip_is_a_point_and_the_most_different_are_named(tmp_path):
    plan = small(sources=("DHF1K",))
    score(Ledger(tmp_path), plan)
    drawing = draw(subject_of(plan, tmp_path))
    (axis,) = drawing.canvas.axes
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("Domain Generalization, CC", "Domain Adaptation, CC")
    assert sorted(text.get_text() for text in axis.texts) == ["clip a", "clip b"]
    assert [(row["clip"], row["before"], row["after"]) for row in drawing.rows] == [
        ("clip a", pytest.approx(0.5), pytest.approx(0.6)),
        ("clip b", pytest.approx(0.5), pytest.approx(0.6)),
    ]


def test_the_pairs_are_those_that_the_table_compares(tmp_path):
    plan = small(sources=("DHF1K",), compare=(("transfer", "adaptation"),))
    score(Ledger(tmp_path), plan)
    assert {(row["approach"], row["minus"]) for row in draw(subject_of(plan, tmp_path)).rows} == {
        ("transfer", "adaptation")
    }
