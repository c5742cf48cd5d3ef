"""Heat maps: values of generalization, differences of the others, better always to one side."""

import pytest

from grid.outputs.figures.heatmaps import draw
from grid.results.ledger import Ledger
from grid.specs.table import Variant
from tests.grid.outputs.figures.scored import score, small, subject_of
from tests.grid.small_ledger import EXPECTED, finish, finish_clips, frames


def test_values_and_differences_stand_where_source_and_test_meet(tmp_path):
    plan = small()
    score(Ledger(tmp_path), plan)
    drawing = draw(subject_of(plan, tmp_path))
    axes = drawing.canvas.axes
    titles = [axis.get_title("left") for axis in axes]
    assert titles[::2] == [
        "Domain Generalization\nCC",
        "Domain Adaptation − generalization\nCC",
        "Transfer Learning − generalization\nCC",
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
        **{"model": "hd2s", "variant": "", "approach": "generalization", "metric": "CC"},
        **{"sources": "DHF1K", "test": "UCFSports"},
        **{"value": pytest.approx(0.5), "drawn": pytest.approx(0.5), "unlike": False},
    }


def test_a_difference_over_unlike_clips_carries_a_sign(tmp_path):
    """It was drawn like the others, though a clip that one approach lacks is in it."""
    plan = small(metrics=("CC",), sources=("DHF1K",), approaches=("generalization", "adaptation"))
    ledger = Ledger(tmp_path)
    finish_clips(ledger, plan, "generalization-DHF1K-UCFSports-0", CC={"a": 0.5, "b": 0.7})
    finish_clips(ledger, plan, "adaptation-DHF1K-UCFSports-0", {"unread": {"b": "gone"}}, CC={"a": 0.8})
    drawing = draw(subject_of(plan, tmp_path))
    assert [[text.get_text() for text in axis.texts] for axis in drawing.canvas.axes] == [
        ["0.600"],
        ["+0.200†"],
    ]
    titles = [axis.get_title("left").splitlines()[0] for axis in drawing.canvas.axes]
    assert titles == ["Domain Generalization", "Domain Adaptation − generalization († over unlike clips)"]
    assert [row["unlike"] for row in drawing.rows] == [False, True]


def test_a_sign_that_stands_nowhere_is_not_explained(tmp_path):
    """Rows without any value were drawn, under a title that explained †."""
    plan = small(
        metrics=("CC",), sources=("DHF1K",), approaches=("generalization", "adaptation"), seeds=(0, 1)
    )
    ledger = Ledger(tmp_path)
    for seed in (0, 1):
        finish_clips(ledger, plan, f"generalization-DHF1K-UCFSports-{seed}", CC={"a": 0.5, "b": 0.7})
    finish_clips(ledger, plan, "adaptation-DHF1K-UCFSports-0", CC={"a": 0.8, "b": 0.8})
    drawing = draw(subject_of(plan, tmp_path))
    assert [axis.get_title("left") for axis in drawing.canvas.axes] == ["Domain Generalization\nCC"]


def test_a_test_of_several_targets_has_a_row_for_each(tmp_path):
    """As where a table tests on the source as well: the last one stood for all."""
    corpora, tests = ("DHF1K", "UCFSports", "Hollywood2"), ("LEDOV",)
    changes = {"sources": ("DHF1K",), "targets": corpora, "tests": tests, "metrics": ("CC",)}
    plan = small(**changes, approaches=("generalization", "adaptation"))
    for n, unit in enumerate(plan.trainings, start=1):
        finish(Ledger(tmp_path), plan, unit, CC=0.1 * n, KLD=1.0)
    drawing = draw(subject_of(plan, tmp_path))
    found = {(row["approach"], row["sources"]): row["value"] for row in drawing.rows}
    assert found.keys() == {
        (word, f"DHF1K to {target}")
        for word in ("generalization", "adaptation")
        for target in ("UCF Sports", "Hollywood2")
    }
    assert len(set(found.values())) == 4
    labels = [label.get_text() for label in drawing.canvas.axes[0].get_yticklabels()]
    assert labels == ["DHF1K to UCF Sports", "DHF1K to Hollywood2"]


def test_every_model_and_selection_has_maps_of_its_own(tmp_path):
    both = Variant().selected_by(("source", "target"))
    plan = small(models=("tased", "hd2s"), variants=both, metrics=("CC",))
    ledger = Ledger(tmp_path)
    score(ledger, plan)
    for unit in plan.evaluations:
        if "tased" in unit and "oracle" in unit:
            ledger.remove_evaluation(unit)
    drawing = draw(subject_of(plan, tmp_path))
    titles = [axis.get_title("left") for axis in drawing.canvas.axes]
    assert len(titles) == 3 * 3, "what has no value has no maps"
    assert titles[0] == "TASED-Net, Domain Generalization\nCC"
    assert titles[7] == "HD2S, target selection (oracle), Domain Adaptation − generalization\nCC"
    texts = [[text.get_text() for text in axis.texts] for axis in drawing.canvas.axes]
    assert texts[:3] == texts[3:6] == texts[6:]
    assert {(row["model"], row["variant"]) for row in drawing.rows} == {
        ("tased", ""),
        ("hd2s", ""),
        ("hd2s", "target selection (oracle)"),
    }


def test_values_that_print_alike_have_no_colours_apart(tmp_path):
    plan = small(metrics=("CC",))
    ledger = Ledger(tmp_path)
    score(ledger, plan)
    for n, (unit, tested) in enumerate(plan.evaluations.items()):
        values = [0.5 + n * 1e-5] * 4
        ledger.remove_evaluation(unit)
        ledger.write_evaluation(tested, frames(CC=values, KLD=values), {"seconds": 2.0}, expected=EXPECTED)
    for axis in draw(subject_of(plan, tmp_path)).canvas.axes:
        (image,) = axis.images
        shades = image.norm(image.get_array().compressed())
        assert max(shades) - min(shades) < 0.01
        assert {text.get_color() for text in axis.texts} == {"black"}
