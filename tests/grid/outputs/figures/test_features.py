"""Features of source and target, before and after an alignment."""

import numpy as np
import pytest

from grid.outputs.figures.features import draw, told_apart


@pytest.mark.slow
def test_each_level_has_a_panel_before_and_after(shift):
    drawing = draw(shift)
    assert len(drawing.canvas.axes) == 2 * 2
    assert {(row["approach"], row["level"], row["corpus"]) for row in drawing.rows} == {
        (approach, level, corpus)
        for approach in ("generalization", "adaptation")
        for level in "12"
        for corpus in ("UCFSports", "DHF1K")
    }
    again = draw(shift).rows
    assert again == drawing.rows


def test_without_an_alignment_it_says_so(pooled):
    assert "no approach that aligns features" in draw(pooled)


@pytest.mark.parametrize(("gap", "share"), [(100, 1.0), (0, 0.5)])
def test_the_share_that_is_told_apart_is_a_half_where_domains_are_alike(gap, share):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(400, 3)) + np.repeat((0, gap), [100, 300])[:, None]
    groups = np.repeat((0, 1), [100, 300])
    assert told_apart(points, groups, np.arange(400)) == pytest.approx(share, abs=0.06)


def test_windows_of_one_clip_do_not_tell_it_apart_by_each_other():
    points = np.array([[0.0], [0.1], [1], [1.1]])
    assert told_apart(points, np.array([0, 0, 1, 1]), np.arange(4)) == 1
    assert told_apart(points, np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1])) == 0
