"""The figures that there are."""

import re

from grid.outputs.figures.registry import figures


def test_every_figure_is_there_by_its_word():
    needs = {word: figure.needs for word, figure in figures().items()}
    assert needs == {
        **dict.fromkeys(("alignment", "clips", "curves", "distributions", "efficiency"), "results"),
        **dict.fromkeys(("heatmaps", "ranks"), "results"),
        **dict.fromkeys(("fusion", "priors"), "weights"),
        **dict.fromkeys(("conspicuity", "corpora", "features", "frames", "qualitative"), "frames"),
    }
    assert all(re.fullmatch("[a-z-]+", word) and figure.title for word, figure in figures().items())
