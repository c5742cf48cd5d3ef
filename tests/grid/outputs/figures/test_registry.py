"""The figures that there are."""

import re

from grid.outputs.figures.registry import figures


def test_every_figure_is_there_by_its_word():
    assert figures().keys() == {
        *("alignment", "clips", "curves", "distributions", "efficiency", "heatmaps", "ranks")
    }
    assert all(re.fullmatch("[a-z-]+", word) and figure.title for word, figure in figures().items())
