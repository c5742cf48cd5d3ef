"""Which frames are shown, by rule and as asked."""

from dataclasses import replace

import pytest

from grid.outputs.figures.chosen import GAIN, Strip, compared, frames_of, shown_frames, strips
from grid.outputs.figures.contract import Material
from grid.results.ledger import Ledger
from tests.grid.outputs.figures.scored import score, small, subject_of


def test_cells_of_one_source_and_target_stand_side_by_side(shift):
    (strip,) = strips(shift)
    assert list(strip.cells) == ["Domain Generalization", "Domain Adaptation"]
    assert strip.title == "UCF Sports → DHF1K"
    assert compared(shift, strip) == ("Domain Adaptation", "Domain Generalization")


def test_without_targets_those_of_one_test_do(pooled):
    assert [(strip.title, list(strip.cells)) for strip in strips(pooled)] == [
        ("UCF Sports", ["Multi-source", "Domain-specific"]),
        ("DHF1K", ["Multi-source", "Domain-specific"]),
    ]


def test_the_rules_take_the_largest_gain_the_largest_loss_and_the_median(shift):
    (strip,) = strips(shift)
    found = frames_of(shift, strip, 3)
    assert [(shown.name, shown.why) for shown in found] == [
        ("0601:2", "largest gain +0.70"),
        ("0601:3", "largest loss −0.10"),
        ("0601:1", "median"),
    ]
    assert found[0].scores == {"Domain Generalization": 0.2, "Domain Adaptation": 0.9}
    assert [shown.why for shown in frames_of(shift, strip, 1)] == [f"{GAIN} +0.70"]


def test_a_cell_alone_is_shown_at_its_best_and_its_worst(shift):
    (strip,) = strips(shift)
    alone = Strip({"Domain Generalization": strip.first})
    found = [(shown.name, shown.why) for shown in frames_of(shift, alone, 3)]
    assert found == [("0601:1", "best"), ("0601:4", "worst"), ("0602:2", "median")]


def test_the_user_chooses_by_clip_and_number_from_one(shift):
    frames = ("0602:3", "0602:4", "nobody:1", "0601:x")
    asked = replace(shift, material=replace(shift.material, frames=frames))
    ((_, (shown,)),), told = shown_frames(asked, lambda strip: 1)
    assert told == "No such frame: 0602:4, nobody:1, 0601:x."
    assert (shown.place.clip.clip, shown.place.frame, shown.why) == ("0602", 2, "")
    nothing = replace(shift, material=replace(shift.material, frames=("nobody:1",)))
    assert shown_frames(nothing, lambda strip: 1) == (
        "DHF1K: none of the frames nobody:1, as CLIP:NUMBER from 1"
    )


@pytest.mark.parametrize(("lines", "shown", "told"), [(1, 2, ""), (8, 1, "No room for DHF1K.")])
def test_what_does_not_fit_on_a_page_is_told(pooled, lines, shown, told):
    found = shown_frames(pooled, lambda strip: lines)
    assert (len(found.strips), found.left_out) == (shown, told)


def test_what_is_missing_is_said(shift, tmp_path):
    assert "not indexed on this machine: DHF1K; python -m datasets index dhf1k" in shown_frames(
        replace(shift, material=Material()), lambda strip: 1
    )
    plan = small()
    score(Ledger(tmp_path), plan)
    for weights in (tmp_path / "checkpoints").glob("*/best.pt"):
        weights.unlink()
    assert "whose weights are there" in shown_frames(subject_of(plan, tmp_path), lambda strip: 1)
