"""Clips as rows: paths of frames, natural order, columns."""

import pytest

from manifests.schema import CLIP_SCHEMA, Clip, natural_key


def shot(**changes) -> Clip:
    values = {name: "" for name in CLIP_SCHEMA.names if name != "n_fixations"} | {
        "corpus": "Hollywood2",
        "clip": "actioncliptrain00197_2",
        "frame_pattern": "training/actioncliptrain00197_2/images/actioncliptrain00197_{:05d}.png",
        "first_frame": 74,
        "first_annotation": 75,
        "n_frames": 3,
    }
    return Clip(**(values | changes))


def test_paths_count_from_the_first_frame_and_annotation():
    clip = shot(map_pattern="maps/{:d}.png", fixation_pattern="Data.mat")
    assert clip.frame_path(0) == "training/actioncliptrain00197_2/images/actioncliptrain00197_00074.png"
    assert clip.frame_path(2).endswith("_00076.png")
    assert clip.map_path(1) == "maps/76.png"
    assert clip.fixation_path(1) == "Data.mat"


@pytest.mark.parametrize("i", [-1, 3])
def test_a_frame_outside_the_clip_has_no_path(i):
    with pytest.raises(IndexError, match=f"Hollywood2/actioncliptrain00197_2: frame {i} of 3"):
        shot().frame_path(i)


def test_a_clip_without_maps_says_so():
    with pytest.raises(ValueError, match="Hollywood2/actioncliptrain00197_2 has no map images"):
        shot().map_path(0)


def test_natural_order():
    names = ["a_10", "a_2", "a_1_3", "b", "12", "3"]
    assert sorted(names, key=natural_key) == ["3", "12", "a_1_3", "a_2", "a_10", "b"]


def test_digits_of_other_scripts_are_no_numbers():
    assert natural_key("①") == [(1, 0, "①")]
    assert natural_key("5²") == [(0, 5, "5"), (1, 0, "²")]
    assert sorted(["x10", "x9", "x²"], key=natural_key) == ["x9", "x10", "x²"]


def test_a_photograph_is_shown_for_as_many_frames_as_are_asked_for():
    """A video is as long as it is."""
    still = shot(media="image", n_frames=1, frame_pattern="images/{{0}}.jpg", map_pattern="maps/x.png")
    assert still.fills(1) and still.fills(16)
    assert not shot(media="frames", n_frames=15).fills(16)
    assert shot(media="video", n_frames=16).fills(16)
    assert still.frame_path(0) == "images/{0}.jpg"
    assert still.paths() == ["images/{0}.jpg", "maps/x.png"]
