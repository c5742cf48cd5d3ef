"""Heat maps: values of generalization, differences of the others, better always to one side."""

import pytest

from grid.outputs.figures.heatmaps import draw
from grid.results.ledger import Ledger
from tests.grid.outputs.figures.scored import score, small, subject_of


def test_values_and_differences_stand_where_source_and_test_meet(tmp_path):
    plan = small()
    score(Ledger(tmp_path), plan)
    drawing = draw(subject_of(plan, tmp_path))
    axes = drawing.canvas.axes
    titles = [axis.get_title() for axis in axes]
    assert titles[::2] == [
        "Domain Generalization, CC",
        "Domain Adaptation − generalization, CC",
        "Transfer Learning − generalization, CC",
    ]
    assert titles[1::2] == ["KLD"] * 3
    texts = [[text.get_text() for text in axis.texts] for axis in axes]
    assert texts == [
        ["0.500"] * 2,
        ["1.500"] * 2,
        ["+0.100"] * 2,
        ["−0.100"] * 2,
        ["+0.400"] * 2,
        ["−0.400"] * 2,
    ]
    kld = axes[5].images[0].get_array()
    assert kld.max() == pytest.approx(0.4), "less is better, and drawn so"
    assert drawing.rows[0] == {
        **{"approach": "generalization", "metric": "CC", "sources": "DHF1K", "test": "UCFSports"},
        **{"value": pytest.approx(0.5), "drawn": pytest.approx(0.5)},
    }
