"""Priors and filters of each domain."""

import pytest

from grid.outputs.figures.priors import draw
from tests.grid.outputs.figures.scored import small, subject_of


def test_each_domain_has_its_priors_by_level_and_its_filter(pooled):
    drawing = draw(pooled)
    assert len(drawing.canvas.axes) == 2 * 3, "two domains, two levels and the filter"
    assert {row["domain"] for row in drawing.rows} == {"UCFSports", "DHF1K"}
    filters = [row for row in drawing.rows if row["what"] == "filter, pixels"]
    assert [row["sigma_x"] for row in filters] == pytest.approx([5, 5]), "as it is initialised"
    first = drawing.rows[0]
    assert (first["what"], first["prior"], first["mu_y"], first["mu_x"]) == ("level 1", 0, 0.25, 0.25)
    assert first["sigma_x"] == pytest.approx(0.2231, abs=1e-4)
    assert len(drawing.rows) == 2 * (2 * 16 + 1)


def test_without_such_models_it_says_so(shift, tmp_path):
    assert "no model is trained that has priors" in draw(shift)
    assert "no model is trained that has priors" in draw(subject_of(small(), tmp_path))
