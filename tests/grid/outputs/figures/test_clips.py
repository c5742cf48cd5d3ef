"""Two approaches clip by clip."""

import pyarrow as pa
import pytest

from grid.outputs.figures.clips import draw
from grid.results.ledger import Ledger
from grid.specs.table import Variant
from tests.grid.outputs.figures.scored import overlapping, score, small, subject_of


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


def test_names_have_room_or_are_left_out(tmp_path):
    plan = small(sources=("DHF1K",), approaches=("generalization", "adaptation"))
    ledger = Ledger(tmp_path)
    score(ledger, plan)
    names = [f"a long name of clip {n}" for n in range(12)]
    for unit, tested in plan.evaluations.items():
        shift = 0.1 if "adaptation" in unit else 0.0
        scored = {"CC": [0.5 + shift + n // 2 * 1e-3 for n in range(12)], "KLD": [1.0] * 12}
        rows = {"clip": names, "frame": pa.array([0] * 12, pa.int32())}
        rows |= {"n_fixations": pa.array([4] * 12, pa.int32()), **scored}
        ledger.remove_evaluation(unit)
        expected = dict.fromkeys(names, 1)
        ledger.write_evaluation(tested, pa.table(rows), {"seconds": 2.0}, expected=expected)
    drawing = draw(subject_of(plan, tmp_path))
    (axis,) = drawing.canvas.axes
    drawing.canvas.draw_without_rendering()
    assert not overlapping(axis.texts)
    boxes = [text.get_window_extent() for text in axis.texts]
    assert all(axis.bbox.padded(1).contains(*corner) for box in boxes for corner in box.corners())
    # The diagonal is drawn before the points.
    points = axis.transData.transform(axis.lines[-1].get_xydata())
    assert not any(box.contains(*point) for box in boxes for point in points), "no name hides a clip"
    named = {row["clip"] for row in drawing.rows if row["named"]}
    assert named == {text.get_text() for text in axis.texts}
    assert 1 < len(named) < 12


def test_what_the_oracle_chose_is_not_compared(tmp_path):
    plan = small(sources=("DHF1K",), variants=Variant().selected_by(("source", "target")))
    score(Ledger(tmp_path), plan)
    assert {row["pair"] for row in draw(subject_of(plan, tmp_path)).rows} == {"DHF1K to UCF Sports"}
