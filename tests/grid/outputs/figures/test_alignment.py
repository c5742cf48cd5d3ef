"""Domain accuracies and λ of the trainings that have them."""

from grid.outputs.figures.alignment import draw
from grid.results.ledger import Ledger
from hd2s.approaches.registry import approaches
from tests.grid.outputs.figures.scored import score, small, subject_of


def test_each_level_has_a_line_and_so_has_lambda(tmp_path):
    plan = small(sources=("DHF1K",))
    score(Ledger(tmp_path), plan)
    drawing = draw(subject_of(plan, tmp_path))
    (axis,) = drawing.canvas.axes
    lines = {line.get_label(): line.get_ydata().tolist() for line in axis.lines if len(line.get_xdata()) > 2}
    assert lines == {"level 1": [0.875, 0.75, 0.625, 0.5], "λ": [0.25, 0.5, 0.75, 1.0]}
    assert {row["approach"] for row in drawing.rows} == {"adaptation"}


def test_trainings_of_one_pair_are_told_apart_by_their_approach(tmp_path):
    plan = small(sources=("DHF1K",), approaches=("adaptation", "adaptation-control"))
    score(Ledger(tmp_path), plan)
    titles = [axis.get_title() for axis in draw(subject_of(plan, tmp_path)).canvas.axes]
    assert titles == [
        "DHF1K to UCF Sports\nDomain Adaptation",
        f"DHF1K to UCF Sports\n{approaches()['adaptation-control'].title}",
    ]


def test_without_such_trainings_there_is_nothing_to_draw(tmp_path):
    plan = small(approaches=("generalization", "transfer"))
    score(Ledger(tmp_path), plan)
    assert "domain classifiers" in draw(subject_of(plan, tmp_path))
