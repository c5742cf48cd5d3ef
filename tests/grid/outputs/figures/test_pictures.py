"""Pictures in rows: sizes, shapes and words."""

from itertools import pairwise

import numpy as np
import pytest

from grid.outputs.figures.pictures import Row, draw_rows, panel
from grid.outputs.figures.style import PAGE

WIDE, TALL = np.zeros((36, 64, 3), np.uint8), np.zeros((64, 36, 3), np.uint8)


def test_a_map_is_stretched_to_its_range_in_the_frame_s_shape():
    found = panel(np.array([[0.9, 0.91], [0.905, 0.92]]), "a map", like=WIDE)
    assert found.image.shape == (146, 260)
    assert (found.image.min(), found.image.max()) == (0, 255)
    assert found.above == "a map"
    assert set(panel(np.full((2, 2), 0.7)).image.ravel()) == {128}, "neither black nor white"


def test_rows_are_as_wide_as_a_page_at_most_and_one_name_stands_once():
    rows = [Row("a place", [panel(WIDE, "frame", "1"), None, *[panel(WIDE)] * 6]) for _ in range(2)]
    canvas = draw_rows([*rows, Row("another", [panel(TALL)])], "No room for more.")
    assert canvas.get_size_inches()[0] == pytest.approx(PAGE)
    assert [text.get_text() for text in canvas.texts] == ["a place", "another", "No room for more."]
    assert len(canvas.axes) == 15
    boxes = [axis.get_position() for axis in canvas.axes]
    assert all(box.x0 >= 0 and box.x1 <= 1 and box.y0 >= 0 and box.y1 <= 1 for box in boxes)


def test_many_rows_become_smaller_to_fit_on_a_page():
    canvas = draw_rows([Row("", [panel(TALL, below="name")] * 3)] * 12)
    width, height = canvas.get_size_inches()
    assert height == pytest.approx(9.2)
    assert width < PAGE


@pytest.mark.parametrize(
    ("label", "shown", "least"),
    [
        ("Domain Generalization, target selection (oracle)", 2, 4.5),
        ("Domain_Generalization_target_selection_oracle", 1, 2.0),
    ],
)
def test_long_words_have_a_second_line_or_become_smaller_and_do_not_run_into_the_neighbours(
    label, shown, least
):
    """What stood in one line of two points could not be read."""
    canvas = draw_rows([Row("", [panel(WIDE, label, "NSS 1.00")] * 7)])
    canvas.set_dpi(600)  # at few dots letters are as wide as dots allow
    named = [axis.texts[0] for axis in canvas.axes]
    assert {" ".join(text.get_text().split("\n")) for text in named} == {label}
    assert {text.get_text().count("\n") + 1 for text in named} == {shown}
    assert all(text.get_fontsize() > least for text in named)
    assert all(text.get_window_extent().y1 <= canvas.bbox.y1 for text in named)
    boxes = [text.get_window_extent() for text in named]
    assert all(left.x1 <= right.x0 for left, right in pairwise(boxes))
    assert {text.get_fontsize() for axis in canvas.axes for text in axis.texts[1:]} == {6.0}
