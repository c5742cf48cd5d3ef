"""Maps of inner levels beside the saliency map."""

import pytest

from grid.outputs.figures.chosen import strips
from grid.outputs.figures.conspicuity import draw
from grid.outputs.figures.trained import Place, maps_of, truth
from hd2s.metrics.benchmark import as_benchmark_image
from hd2s.metrics.scores import cc


def test_each_model_has_a_line_of_its_levels_and_its_map(shift):
    drawing = draw(shift)
    maps = ["conspicuity_1", "conspicuity_2", "saliency"]
    assert [row["map"] for row in drawing.rows] == maps * 2
    assert [row["approach"] for row in drawing.rows] == ["generalization"] * 3 + ["adaptation"] * 3
    assert len(drawing.canvas.axes) == 2 + 3 + 3, "frame and people stand once"


def test_maps_of_one_name_stand_in_one_column(pooled):
    drawing = draw(pooled)
    assert {row["map"] for row in drawing.rows if row["approach"] == "domain-specific"} == {
        "conspicuity_1",
        "conspicuity_2",
        "unsmoothed",
        "saliency",
    }
    lefts = {
        axis.texts[0].get_text(): round(axis.get_position().x0, 3)
        for axis in drawing.canvas.axes
        if axis.texts[0].get_text()
    }
    assert lefts["unsmoothed"] < lefts["Multi-source"] == lefts["Domain-specific"]


@pytest.mark.slow
def test_below_each_is_the_benchmark_s_cc(shift):
    (strip,) = strips(shift)
    manifest = shift.material.manifests["DHF1K"]
    clip = manifest.clips("test")[0]
    row = draw(shift).rows[2]
    assert (row["clip"], row["frame"], row["map"]) == ("0601", 2, "saliency")
    (maps,) = maps_of(shift, strip.first, [Place(clip, 1)])
    people = truth(manifest, Place(clip, 1))
    assert row["CC"] == pytest.approx(cc(as_benchmark_image(maps.saliency, people.shape), people))
