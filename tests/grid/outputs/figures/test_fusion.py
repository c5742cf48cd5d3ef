"""Weights in the fusion, by approach and map."""

import pytest

from grid.outputs.figures import fusion
from grid.outputs.figures.chosen import strips
from grid.outputs.figures.fusion import draw
from grid.outputs.figures.learnt import Read
from grid.outputs.figures.trained import open_model
from hd2s.models.learnt import Learnt
from tests.grid.outputs.figures.scored import small, subject_of


def test_each_map_has_its_own_weight(shift):
    drawing = draw(shift)
    assert len(drawing.rows) == 2 * 2
    (strip,) = strips(shift)
    # Released weights expect the deepest map first.
    deepest, shallowest = open_model(shift, strip.first).fusion.weight.flatten().tolist()
    weights = {row["map"]: row["weight"] for row in drawing.rows if row["approach"] == "generalization"}
    assert weights == pytest.approx({"conspicuity_1": shallowest, "conspicuity_2": deepest})
    (axis,) = drawing.canvas.axes
    assert [label.get_text() for label in axis.get_xticklabels()] == ["1", "2"]


def test_each_domain_has_a_panel_of_its_own(pooled):
    drawing = draw(pooled)
    assert [axis.get_title() for axis in drawing.canvas.axes] == ["UCF Sports", "DHF1K"]
    assert {row["domain"] for row in drawing.rows if row["approach"] == "domain-specific"} == {
        "UCFSports",
        "DHF1K",
    }


def test_models_towards_several_targets_are_not_averaged_on_one_test(tmp_path, monkeypatch):
    corpora = ("UCFSports", "Hollywood2")
    plan = small(sources=("DHF1K",), targets=corpora, tests=("source",), approaches=("adaptation",))
    read = [Read(cell, None, Learnt({"conspicuity_1": n + 1.0})) for n, cell in enumerate(plan.cells)]
    monkeypatch.setattr(fusion, "read_learnt", lambda subject: read)
    drawing = draw(subject_of(plan, tmp_path))
    places = ["DHF1K → UCF Sports, on DHF1K", "DHF1K → Hollywood2, on DHF1K"]
    assert [axis.get_title() for axis in drawing.canvas.axes] == places
    assert [(row["place"], row["weight"]) for row in drawing.rows] == [*zip(places, (1.0, 2.0), strict=True)]


def test_without_models_it_says_so(tmp_path):
    assert "no model is trained" in draw(subject_of(small(), tmp_path))
