"""Frames with every model's map beside people's."""

from grid.outputs.figures.qualitative import draw


def words(drawing):
    return [text.get_text() for axis in drawing.canvas.axes for text in axis.texts if text.get_text()]


def test_each_chosen_frame_has_people_s_map_and_each_cell_s(shift):
    drawing = draw(shift)
    assert len(drawing.canvas.axes) == 3 * 4
    told = words(drawing)
    assert told[:8] == [
        "0601:2",
        "people",
        "largest gain +0.70",
        "Domain Generalization",
        "CC 0.20",
        "Domain Adaptation",
        "CC 0.90",
        "0601:3",
    ]
    assert [(row["frame"], row["approach"], row["CC"]) for row in drawing.rows[:3]] == [
        (2, "generalization", 0.2),
        (2, "adaptation", 0.9),
        (3, "generalization", 0.4),
    ]
