"""Frames of a table's corpora."""

from grid.outputs.figures.contact_sheet import draw


def test_each_corpus_has_a_row(shift):
    drawing = draw(shift)
    assert [(row["corpus"], row["clip"], row["frame"]) for row in drawing.rows] == [
        ("UCFSports", "0601", 3),
        ("UCFSports", "0602", 2),
        ("DHF1K", "0601", 3),
        ("DHF1K", "0602", 2),
    ]
    assert len(drawing.canvas.axes) == 4
