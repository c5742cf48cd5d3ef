"""A user's setting that a row of a table sets otherwise is told, with the row."""

from grid.specs.grid_reader import load
from grid.specs.overruled import before_protocols, contradictions, overruled

SWEPT = """
name: swept
title: Swept
metrics: [NSS]
sources: [DHF1K]
targets: [UCFSports]
approaches: [generalization]
overrides: {train.weight_decay: 0.5}
variants: {plain: {}, single: {train.multi_level: false, train.lr: 0.1}}
sweep: {train.accumulate: [1, 2]}
"""


def test_a_setting_that_rows_set_otherwise_is_told(tmp_path):
    path = tmp_path / "swept.yaml"
    path.write_text(SWEPT)
    spec = load(str(path))
    assert overruled(spec, ["train.lr=0.3", "train.accumulate=1", "train.weight_decay=0.1"]) == [
        "train.lr=0.3 is overruled in swept: row 'single' sets 0.1.",
        "train.accumulate=1 is overruled in swept: its sweep tries 2.",
    ]
    assert overruled(spec, ["train={multi_level: true, lr: 0.1}"]) == [
        "train.multi_level=True is overruled in swept: row 'single' sets False.",
    ]
    assert overruled(spec, ["resources.train.cpu=1"]) == []
    assert overruled(spec, ["model=[hd2s,centre_prior]", "model.height=32"]) == []


def test_what_goes_before_a_protocol_is_told():
    stood_for = {
        "": {"model.quantise": True, "train.iterations": 5000, "train.gradients": "sum"},
        "adaptation": {"model.quantise": True, "train.iterations": 2500, "train.gradients": "sum"},
    }
    asked = ["model=hd2s", "model.hd2s.quantise=false", "train={iterations: 7, gradients: sum}"]
    assert before_protocols("hd2s", stood_for, asked) == [
        "model.quantise=False goes before what train.protocol stands for with hd2s: True.",
        "train.iterations=7 goes before what train.protocol stands for with hd2s: 5000, 2500 in adaptation.",
    ]
    assert before_protocols("hd2s", {"": {}}, asked) == []


def test_what_is_given_twice_with_different_values_is_told():
    twice = ["train.lr=1e-3", "seeds=[0]", "train.lr=0.002", "seeds=[0]"]
    assert contradictions(twice) == ["train.lr is given twice: 0.001, and then 0.002, which counts."]
