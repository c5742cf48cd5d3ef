"""Learning curves: what is drawn of each training."""

import pytest

from grid.outputs.figures.curves import draw
from grid.results.ledger import Ledger
from tests.grid.outputs.figures.scored import score, small, subject_of


def test_the_loss_without_the_alignments_terms_and_validation_with_what_was_chosen(tmp_path):
    plan = small(sources=("DHF1K",))
    score(Ledger(tmp_path), plan)
    drawing = draw(subject_of(plan, tmp_path))
    (axis,) = drawing.canvas.axes
    assert axis.get_title() == "DHF1K to UCF Sports"
    adaptation = [line for line in axis.lines if line.get_color() == "#D55E00"]
    loss, validation, chosen = (line.get_xydata().tolist() for line in adaptation)
    assert loss == [[1, 2.75], [2, 2.5], [3, 2.25], [4, 2.0]]
    assert validation == [[2, 1.5], [4, 1.0]]
    assert chosen == [[4, 1.0]]
    assert {row["name"] for row in drawing.rows} >= {"val/kld", "lambda"}, "the numbers have all of it"


@pytest.mark.parametrize("approach", ["generalization", "transfer"])
def test_seeds_are_drawn_one_by_one(tmp_path, approach):
    plan = small(sources=("DHF1K",), approaches=(approach,), seeds=(0, 1))
    score(Ledger(tmp_path), plan)
    drawing = draw(subject_of(plan, tmp_path))
    assert len(drawing.canvas.axes[0].lines) == 2 * 3
    assert {row["seed"] for row in drawing.rows} == {0, 1}
