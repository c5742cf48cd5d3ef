"""Lengths, fixations and where people look, of a table's corpora."""

from dataclasses import replace

import pytest

from grid.outputs.figures.contract import Material
from grid.outputs.figures.corpora import draw


def test_each_corpus_has_a_column_of_three(shift):
    drawing = draw(shift)
    assert len(drawing.canvas.axes) == 3 * 2
    assert drawing.canvas.axes[0].get_title() == "UCF Sports, test: 2 clips,\n4 frames on average"
    lengths = {
        row["of"]: row["value"]
        for row in drawing.rows
        if row["corpus"] == "DHF1K" and row["what"] == "frames of a clip"
    }
    assert lengths == {"3": 1, "4": 0, "5": 1}
    means = [row["value"] for row in drawing.rows if row["of"] in ("mean x", "mean y")]
    assert means == pytest.approx([0.5] * 4, abs=0.15)


def test_a_corpus_that_is_not_here_is_named(shift):
    told = draw(replace(shift, material=Material({"DHF1K": shift.material.manifests["DHF1K"]})))
    assert told == (
        "not indexed on this machine: UCFSports; python -m datasets index ucf_sports --root FOLDER"
    )
