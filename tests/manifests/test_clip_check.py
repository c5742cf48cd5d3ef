"""What keeps clips from being a manifest: each fault is named, and all of them together."""

import pytest

from manifests import clip_problems
from tests.manifests.small_manifest import CLIPS, broken, clip


def test_sound_clips_have_no_problem():
    assert clip_problems("DHF1K", CLIPS) == []
    assert clip_problems("DHF1K", []) == []


@pytest.mark.parametrize(
    ("changes", "expected", "found"),
    [
        ({"corpus": "LEDOV"}, "corpus DHF1K", "LEDOV"),
        ({"split": "validation"}, "split one of train, val, test, unannotated, unlisted", "'validation'"),
        ({"media": "audio"}, "media one of video, frames, image", "'audio'"),
        ({"path": "/etc/x.AVI"}, "paths inside the corpus root", "/etc/x.AVI"),
        ({"map_pattern": "a/../../{:d}.png"}, "paths inside the corpus root", "a/../../{:d}.png"),
        ({"n_frames": 0}, "a usable clip to have frames", "0 frames of 40x30"),
        ({"width": 0}, "a usable clip to have frames", "20 frames of 0x30"),
        ({"keyframes": (0,)}, "as many keyframes as their frame numbers", "1 and 2"),
        ({"reason": "why"}, "a reason exactly for quarantined clips", "ok, 'why'"),
        ({"status": "quarantined"}, "a reason exactly for quarantined clips", "quarantined, ''"),
    ],
)
def test_each_fault_is_named_with_its_clip(changes, expected, found):
    (problem,) = clip_problems("DHF1K", [clip("a"), clip("b", **changes)])
    assert (problem.where, problem.expected, problem.found) == ("DHF1K/b", expected, found)
    assert problem.remedy


def test_a_status_that_is_none_is_named():
    problems = clip_problems("DHF1K", [clip("a", status="fine")])
    assert [problem.found for problem in problems] == ["'fine'"]


def test_names_with_two_dots_in_them_lead_nowhere():
    assert clip_problems("DHF1K", [clip("a", path="video/a..b.AVI")]) == []


def test_a_quarantined_clip_needs_no_frames():
    assert clip_problems("DHF1K", [broken("a")]) == []


def test_a_clip_twice_is_told_each_time_with_both_places():
    clips = [clip("a"), clip("a", path="other.AVI"), clip("a", path="third.AVI")]
    assert [problem.found for problem in clip_problems("DHF1K", clips)] == [
        "it twice, at video/a.AVI and other.AVI",
        "it twice, at other.AVI and third.AVI",
    ]
