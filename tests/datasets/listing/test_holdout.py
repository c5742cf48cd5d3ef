"""Validation clips drawn by source video: no leak, the share asked for, and the same draw every time."""

import random

import pytest

from datasets.corpus import Entry
from datasets.listing.holdout import hold_out
from datasets.listing.published_lists import published_list
from manifests import ProblemError


def entries(n_sources, shots=1, split="train"):
    return [
        Entry(f"v{source:03d}_{shot}", split, f"v{source:03d}", "frames", "x")
        for source in range(n_sources)
        for shot in range(shots)
    ]


def held(entries, **arguments):
    drawn = hold_out(entries, "C", how="grouped", **arguments)
    return {entry.clip for entry in drawn if entry.split == "val"}


@pytest.mark.parametrize(("n", "expected"), [(1, 0), (2, 1), (3, 1), (14, 1), (20, 2), (30, 3), (100, 10)])
def test_a_tenth_is_held_out_and_at_least_one(n, expected):
    assert len(held(entries(n))) == expected


def test_the_order_of_the_clips_does_not_matter_and_the_seed_does():
    clips = entries(50)
    shuffled = random.Random(0).sample(clips, len(clips))
    assert held(clips) == held(shuffled)
    assert held(clips) != held(clips, seed=1)
    drawn = hold_out(clips, "Other", how="grouped")
    assert {e.clip for e in drawn if e.split == "val"} != held(clips)


def test_clips_that_come_later_reshuffle_nothing():
    before, after = held(entries(100)), held(entries(110))
    # One of eleven may be new; nobody else changes sides but to make room.
    assert len(after) == 11
    assert len(before - after) <= len(after - before) <= 10
    assert before & after


def test_the_draw_is_pinned():
    assert held(entries(20)) == {"v007_0", "v016_0"}


def test_no_source_video_is_on_both_sides():
    drawn = hold_out(entries(60, shots=7), "C", how="grouped")
    sides = {split: {e.source_video for e in drawn if e.split == split} for split in ("train", "val")}
    assert not sides["train"] & sides["val"]
    n_held = sum(e.split == "val" for e in drawn)
    assert 42 <= n_held <= 48


def test_hollywood2_grouped_has_no_leak_where_the_published_lists_have_one():
    paper = [
        Entry(clip, split, clip.rpartition("_")[0], "frames", "x")
        for split in ("train", "val")
        for clip in sorted(published_list(f"Hollywood2.{split}"))
    ]
    assert leaks(hold_out(paper, "Hollywood2", how="paper")) == 112
    grouped = hold_out(paper, "Hollywood2", how="grouped")
    assert leaks(grouped) == 0
    assert sum(e.split == "val" for e in grouped) == pytest.approx(190, abs=8)
    assert [e.clip for e in grouped] == [e.clip for e in paper]


def leaks(entries):
    train, val = ({e.source_video for e in entries if e.split == split} for split in ("train", "val"))
    return len(train & val)


def test_only_train_and_val_are_drawn_anew():
    others = [entries(30, split=split) for split in ("test", "unannotated", "unlisted")]
    clips = [*entries(30, split="val"), *(entry for group in others for entry in group)]
    drawn = hold_out(clips, "C", how="grouped")
    assert drawn[30:] == clips[30:]
    assert sum(e.split == "val" for e in drawn) == 3


def test_the_papers_split_is_left_alone_and_others_are_unknown():
    clips = entries(5)
    assert hold_out(clips, "C", how="paper") == clips
    with pytest.raises(ProblemError, match=r"'group'.*Did you mean grouped\?"):
        hold_out(clips, "C", how="group")
