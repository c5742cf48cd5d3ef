"""Sizes, marks and legends that all figures share."""

from matplotlib.figure import Figure as Canvas

from grid.outputs.figures.style import COLUMN, PAGE, legend_below, marker, panels
from hd2s.approaches.registry import approaches


def test_panels_stand_in_rows_as_wide_as_a_page_or_a_column():
    canvas, axes = panels(5, columns=3, height=1.5)
    assert (canvas.get_size_inches().tolist(), len(axes)) == ([PAGE, 3.0], 5)
    canvas, axes = panels(1, columns=3, height=1.5, width=COLUMN)
    assert (canvas.get_size_inches().tolist(), len(axes)) == ([COLUMN, 1.5], 1)


def test_approaches_have_marks_of_their_own():
    words = list(approaches())[:10]
    assert len({marker(word, words) for word in words}) == len(words)


def test_a_legend_names_everything_once():
    canvas = Canvas()
    axes = canvas.subplots(1, 2)
    for axis in axes:
        axis.plot([0, 1], label="one")
    axes[1].plot([1, 0], label="two")
    legend_below(canvas, axes)
    assert [text.get_text() for text in canvas.legends[0].get_texts()] == ["one", "two"]
