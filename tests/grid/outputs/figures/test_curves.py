"""Learning curves: what is drawn of each training."""

from dataclasses import replace

import matplotlib as mpl
import pytest

from grid.outputs.figures.curves import draw
from grid.outputs.figures.style import STYLE
from grid.results.ledger import Ledger
from grid.specs.table import SELECTIONS, Variant
from tests.grid.outputs.figures.scored import overlapping, score, small, subject_of

ORACLE = SELECTIONS["target"]


def test_the_loss_without_the_alignments_terms_and_validation_with_what_was_chosen(tmp_path):
    plan = small(sources=("DHF1K",))
    score(Ledger(tmp_path), plan)
    drawing = draw(subject_of(plan, tmp_path))
    axis, levels = drawing.canvas.axes
    assert axis.get_title() == "DHF1K to UCF Sports"
    adaptation = [line for line in axis.lines if line.get_color() == "#D55E00"]
    loss, validation, chosen = (line.get_xydata().tolist() for line in adaptation)
    assert loss == [[1, 2.75], [2, 2.5], [3, 2.25], [4, 2.0]]
    assert validation == [[2, 1.5], [4, 1.0]]
    assert chosen == [[4, 1.0]]
    assert {row["name"] for row in drawing.rows} >= {"val/kld", "lambda"}, "the numbers have all of it"
    assert levels.get_title() == "DHF1K to UCF Sports\nDomain Adaptation"
    guessing, line = levels.lines
    assert (guessing.get_ydata()[0], line.get_label()) == (pytest.approx(0.6931, abs=1e-4), "level 1")
    assert line.get_ydata().tolist() == [0.25, 0.5, 0.75, 1.0]


def test_a_training_is_drawn_once_whoever_chooses_among_its_weights(tmp_path):
    """It stood in a second panel called the oracle's, with the mark at its own choice."""
    plan = small(sources=("DHF1K",), variants=Variant().selected_by(("source", "target")))
    cells = (replace(cell, training=cell.training.replace(f"-{ORACLE}", "")) for cell in plan.cells)
    plan = replace(plan, cells=tuple(cells))
    score(Ledger(tmp_path), plan)
    titles = [axis.get_title() for axis in draw(subject_of(plan, tmp_path)).canvas.axes]
    assert titles == ["DHF1K to UCF Sports", "DHF1K to UCF Sports\nDomain Adaptation"]


def test_a_training_that_is_tested_twice_is_drawn_once_and_named_without_its_tests(tmp_path):
    plan = small(sources=("DHF1K",), approaches=("generalization",), tests=("source", "target"))
    first = next(iter(plan.trainings))
    plan = replace(plan, cells=tuple(replace(cell, training=first) for cell in plan.cells))
    score(Ledger(tmp_path), plan)
    titles = [axis.get_title() for axis in draw(subject_of(plan, tmp_path)).canvas.axes]
    assert titles == ["DHF1K to UCF Sports"]


def test_no_title_leaves_the_figure_or_runs_into_another(tmp_path):
    rows = (Variant(), Variant("with a label that is longer than panels are wide"))
    plan = small(sources=("DHF1K", "UCFSports", "Hollywood2"), models=("hd2s", "tased"), variants=rows)
    score(Ledger(tmp_path), plan)
    with mpl.rc_context(STYLE):
        canvas = draw(subject_of(plan, tmp_path)).canvas
        canvas.draw_without_rendering()
    places = [axis.title.get_window_extent() for axis in canvas.axes]
    assert len(places) > 3
    assert all(place.x0 >= 0 and place.x1 <= canvas.bbox.width for place in places)
    assert not overlapping([axis.title for axis in canvas.axes])


def test_each_of_several_sources_has_its_loss_and_a_training_that_went_on_a_mark(tmp_path):
    plan = small(sources=("DHF1K",), approaches=("generalization",))
    score(ledger := Ledger(tmp_path), plan)
    (training,) = plan.trainings.values()
    result = ledger.read_training(training.id)
    besides = [
        {"step": step, "name": f"source/loss/{corpus}", "value": value}
        for corpus, value in (("DHF1K", 3.0), ("LEDOV", 2.0))
        for step in (1, 3)
    ]
    ledger.write_training(training, result.curve + besides, result.summary | {"resumed_at": [1, 3]})
    drawing = draw(subject_of(plan, tmp_path))
    (axis,) = drawing.canvas.axes
    lines = {line.get_label(): line.get_xydata().tolist() for line in axis.lines}
    assert lines["loss on DHF1K"] == [[1, 3], [3, 3]]
    assert lines["loss on LEDOV"] == [[1, 2], [3, 2]]
    assert [line.get_xdata() for line in axis.lines[-2:]] == [[1, 1], [3, 3]]
    resumed = [(row["step"], row["value"]) for row in drawing.rows if row["name"] == "resumed"]
    assert resumed == [(1, 1.0), (3, 2.0)]
    assert len({tuple(row) for row in drawing.rows}) == 1, "all rows have the same columns"


@pytest.mark.parametrize("approach", ["generalization", "transfer"])
def test_seeds_are_drawn_one_by_one(tmp_path, approach):
    plan = small(sources=("DHF1K",), approaches=(approach,), seeds=(0, 1))
    score(Ledger(tmp_path), plan)
    drawing = draw(subject_of(plan, tmp_path))
    assert len(drawing.canvas.axes[0].lines) == 2 * 3
    assert {row["seed"] for row in drawing.rows} == {0, 1}
