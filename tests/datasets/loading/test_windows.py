"""Windows are a pure function of names and numbers, and each draw is uniform."""

from dataclasses import replace

import numpy as np
import pytest

from datasets.loading.windows import (
    Window,
    WindowShape,
    draw_half,
    draw_window,
    eligible,
    place_in_pass,
    validation_windows,
)
from tests.datasets.small_corpora import a_clip

LENGTHS = np.array([16, 15, 40, 100])


def test_draws_are_pinned():
    # Results are compared in pairs across runs and machines: the same names give the same clips for ever.
    places = [(step, slot) for step in (0, 7) for slot in (0, 1)]
    drawn = [draw_window(0, "DHF1K", *place, lengths=LENGTHS, span=16) for place in places]
    assert drawn == [Window(2, 12, True), Window(3, 76, False), Window(0, 0, True), Window(0, 0, False)]


def test_every_argument_changes_the_draw():
    lengths = np.full(1000, 1000)
    reference = draw_window(0, "DHF1K", 0, 0, lengths=lengths, span=16)
    assert draw_window(0, "DHF1K", 0, 0, lengths=lengths, span=16) == reference
    for other in ((1, "DHF1K", 0, 0), (0, "LEDOV", 0, 0), (0, "DHF1K", 1, 0), (0, "DHF1K", 0, 1)):
        assert draw_window(*other, lengths=lengths, span=16) != reference


def test_clips_starts_and_flips_are_uniform_and_short_clips_left_out():
    n = 6000
    drawn = [draw_window(3, "UCFSports", i, 0, lengths=LENGTHS, span=16) for i in range(n)]
    clips = np.bincount([w.clip_index for w in drawn], minlength=4)
    assert clips[1] == 0
    # Five standard deviations of a binomial count.
    assert np.abs(clips[[0, 2, 3]] - n / 3).max() < 5 * np.sqrt(n * 2 / 9)
    assert {w.start for w in drawn if w.clip_index == 0} == {0}
    starts = np.bincount([w.start for w in drawn if w.clip_index == 2])
    assert len(starts) == 25
    assert np.abs(starts - starts.mean()).max() < 5 * np.sqrt(starts.mean())
    assert max(w.start for w in drawn if w.clip_index == 3) == 84
    assert abs(sum(w.flip for w in drawn) - n / 2) < 5 * np.sqrt(n / 4)


def test_without_mirrored_windows_all_else_is_drawn_alike():
    places = [(3, "UCFSports", i, 0) for i in range(40)]
    mirrored, plain = (
        [draw_window(*place, lengths=LENGTHS, span=16, mirrored=way) for place in places]
        for way in (True, False)
    )
    assert {w.flip for w in mirrored} == {True, False}
    assert plain == [replace(w, flip=False) for w in mirrored]


def test_a_pass_takes_each_clip_once_but_for_those_that_fill_no_batch():
    def taken(turn, clips=11, batch=3):
        whole = clips // batch
        numbers = range(turn * whole, (turn + 1) * whole)
        places = [(number, slot) for number in numbers for slot in range(batch)]
        return [place_in_pass(0, "DHF1K", *place, clips=clips, batch=batch) for place in places]

    passes = [taken(turn) for turn in range(30)]
    assert {len(set(each)) for each in passes} == {9}
    assert len(set(map(tuple, passes))) == 30
    assert set().union(*passes) == set(range(11)), "others are left out of other passes"
    few = [place_in_pass(0, "DHF1K", 5, slot, clips=2, batch=4) for slot in range(4)]
    assert sorted(few) == [0, 0, 1, 1]


def test_a_place_takes_its_clip_and_leaves_the_rest_as_it_is_drawn():
    lengths = np.array([40, 40, 40])
    drawn = draw_window(0, "DHF1K", 1, 2, lengths=lengths, span=16)
    placed = [draw_window(0, "DHF1K", 1, 2, lengths=lengths, span=16, place=i) for i in range(3)]
    assert placed == [replace(drawn, clip_index=i) for i in range(3)]


def test_no_clip_is_long_enough():
    with pytest.raises(ValueError, match="no clip of LEDOV has the 16 frames of a window; the longest has 9"):
        draw_window(0, "LEDOV", 0, 0, lengths=np.array([3, 9]), span=16)


def test_short_clips_are_counted():
    clips = [a_clip(clip=str(n), n_frames=n) for n in (15, 16, 17)]
    kept, left_out = eligible(clips, 16)
    assert [c.clip for c in kept] == ["16", "17"]
    assert left_out == 1


def test_half_of_the_clips_is_drawn_anew_at_each_step_and_the_same_again():
    clips = [a_clip(clip=str(n)) for n in range(9)]
    halves = [draw_half(clips, 0, "DHF1K", step) for step in range(200)]
    assert halves == [draw_half(clips, 0, "DHF1K", step) for step in range(200)]
    assert all(len(half) == 5 and half == sorted(half, key=clips.index) for half in halves)
    drawn = np.bincount([clips.index(clip) for half in halves for clip in half])
    assert np.abs(drawn - 200 * 5 / 9).max() < 5 * np.sqrt(200 * 20 / 81)
    assert halves != [draw_half(clips, 1, "DHF1K", step) for step in range(200)]


def test_validation_windows_are_fixed_and_evenly_spaced():
    clips = [a_clip(n_frames=n) for n in (116, 15, 17, 16)]
    assert validation_windows(clips, 16, 1) == [
        Window(0, 50, False),
        Window(2, 0, False),
        Window(3, 0, False),
    ]
    three = validation_windows(clips, 16, 3)
    assert [w.start for w in three if w.clip_index == 0] == [0, 50, 100]
    assert [w.start for w in three if w.clip_index == 2] == [0, 1]
    assert [w.start for w in three if w.clip_index == 3] == [0]


@pytest.mark.parametrize(
    ("n_frames", "per_clip", "step", "starts"),
    [
        # Of 450 frames the code takes those from 82 and from 368 on, counted from 1.
        (450, 2, 5, [81, 367]),
        (186, 2, 5, [15, 125]),
        (200, 1, 4, [75]),
        # It would begin at frame 0 here, before the clip.
        (60, 2, 5, [0]),
        (56, 2, 5, [0]),
        (55, 2, 5, []),
    ],
)
def test_released_validation_windows_stand_in_the_halves_of_a_clip(n_frames, per_clip, step, starts):
    found = validation_windows([a_clip(n_frames=n_frames)], 12, per_clip, step, "released")
    assert found == [Window(0, start, False) for start in starts]


@pytest.mark.parametrize(("length", "step", "span"), [(16, 1, 16), (12, 5, 56), (1, 9, 1), (2, 3, 4)])
def test_a_window_reaches_from_its_first_frame_to_its_last(length, step, span):
    frames = [i * step for i in range(length)]
    assert WindowShape(length, step).span == span == frames[-1] - frames[0] + 1


def test_the_last_frame_is_answered_unless_others_are():
    assert WindowShape(12).answered == range(11, 12)
    assert WindowShape(12, 5, range(6, 7)).answered == range(6, 7)


@pytest.mark.parametrize(
    "wrong",
    [(0,), (16, 0), (16, 1, range(0)), (16, 1, range(17)), (16, 1, range(-1, 2)), (16, 1, range(0, 4, 2))],
)
def test_windows_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="a window has 1 frame or more, a step of 1 or more, and answers"):
        WindowShape(*wrong)


def test_windows_with_a_step_need_longer_clips():
    clips = [a_clip(clip=str(n), n_frames=n) for n in (16, 55, 56, 60)]
    assert [c.clip for c in eligible(clips, 12, 5)[0]] == ["56", "60"]
    assert validation_windows(clips, 12, 3, 5) == [
        Window(2, 0, False),
        Window(3, 0, False),
        Window(3, 2, False),
        Window(3, 4, False),
    ]
