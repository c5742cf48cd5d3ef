"""DHF1K as shipped and in every rearrangement there is: found, named, and read as the same clips."""

import pytest

from datasets.corpora.dhf1k import CORPUS as DHF1K
from datasets.listing.published_lists import published_list
from tests.datasets.small_corpora import (
    HEIGHT,
    WIDTH,
    expected_rows,
    four_digits,
    moving_square,
    scanned,
    write_annotations,
    write_dhf1k,
    write_dhf1k_frames,
    write_frames,
    write_maps,
    write_video,
)

NUMBERS = {1: "train", 21: "val", 601: "test", 701: "unannotated", 1000: "unannotated"}


def scan(root, layout=None):
    return {reading.clip.clip: reading for reading in scanned(DHF1K, root, layout)}


def test_dhf1k(tmp_path):
    for number in (1, 2, 21, 601, 701, 1000):
        write_dhf1k(tmp_path, number)
    listing = DHF1K.list(tmp_path)
    assert (listing.layout, listing.findings) == ("shipped", [])
    found = scan(tmp_path)
    assert {name: reading.clip.split for name, reading in found.items()} == {
        "0001": "train",
        "0002": "train",
        "0021": "val",
        "0601": "test",
        "0701": "unannotated",
        "1000": "unannotated",
    }
    assert {reading.clip.status for reading in found.values()} == {"ok"}
    assert not any(reading.findings for reading in found.values())
    clip = found["0001"].clip
    assert (clip.n_frames, clip.width, clip.height, clip.fps, clip.codec) == (
        12,
        WIDTH,
        HEIGHT,
        30.0,
        "mpeg4",
    )
    assert (clip.path, clip.map_path(11)) == ("video/001.AVI", "annotation/0001/maps/0012.png")
    assert clip.fixation_path(0) == "annotation/0001/fixation/0001.png"
    assert (clip.first_frame, clip.first_annotation, clip.n_fixated_frames) == (1, 1, 10)
    assert sorted(map(tuple, found["0001"].rows.tolist())) == expected_rows(12)
    last = found["1000"].clip
    assert (last.path, last.n_frames, last.map_pattern, last.n_fixated_frames) == (
        "video/1000.AVI",
        12,
        "",
        0,
    )


def test_dhf1k_trains_on_what_it_does_not_hold_out(tmp_path):
    folder = tmp_path / "video"
    folder.mkdir()
    for number in range(1, 1001):
        (folder / f"{number:03d}.AVI").touch()
        (tmp_path / "annotation" / f"{number:04d}" / "maps").mkdir(parents=True)
    found = {entry.clip: entry.split for entry in DHF1K.list(tmp_path).entries}
    for split in ("train", "val"):
        assert {clip for clip, own in found.items() if own == split} == published_list(f"DHF1K.{split}")
    counts = {split: list(found.values()).count(split) for split in set(found.values())}
    assert counts == DHF1K.published


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1", "0001"),
        ("0001", "0001"),
        ("1000", "1000"),
        ("0", None),
        ("1001", None),
        ("00001", None),
        ("a", None),
    ],
)
def test_a_video_is_its_number_in_any_padding(name, expected):
    assert DHF1K.identify(name) == expected


FIRST_FRAME = {
    "unisal": "annotation/0001/images/0001.png",
    "tased": "video/0001/0001.png",
    "vip": "video_png/001/0001.png",
    "salema": "frames/1/1.png",
    "hd2s": "frames/0001/0001.png",
}


@pytest.mark.parametrize("layout", FIRST_FRAME)
def test_rearrangements_of_dhf1k(tmp_path, layout):
    for number in NUMBERS:
        write_dhf1k_frames(tmp_path, layout, number, n_frames=4)
    listing = DHF1K.list(tmp_path)
    assert (listing.layout, listing.findings) == (layout, [])
    found = scan(tmp_path)
    assert {clip: r.clip.split for clip, r in found.items()} == {f"{n:04d}": s for n, s in NUMBERS.items()}
    assert [(r.clip.status, r.clip.n_frames, r.clip.fps) for r in found.values()] == [("ok", 4, 30.0)] * 5
    clip = found["0001"].clip
    assert (clip.frame_path(0), clip.first_frame, clip.first_annotation) == (FIRST_FRAME[layout], 1, 1)
    assert (clip.width, clip.height, clip.media, clip.codec) == (WIDTH, HEIGHT, "frames", "png")
    assert all(
        (tmp_path / path(3)).is_file() for path in (clip.frame_path, clip.map_path, clip.fixation_path)
    )
    assert sorted(map(tuple, found["0601"].rows.tolist())) == expected_rows(4)
    withheld = found["0701"]
    assert (withheld.clip.map_pattern, withheld.clip.fixation_pattern, len(withheld.rows)) == ("", "", 0)


@pytest.mark.parametrize("layout", FIRST_FRAME)
def test_frames_counted_from_0_and_annotations_from_1(tmp_path, layout):
    write_dhf1k_frames(tmp_path, layout, 1, n_frames=4, first=0)
    clip = scan(tmp_path)["0001"].clip
    assert (clip.status, clip.first_frame, clip.first_annotation) == ("ok", 0, 1)
    assert clip.frame_path(0) == FIRST_FRAME[layout].replace("1.png", "0.png")
    assert clip.map_path(0).endswith("0001.png")


def test_the_folders_of_one_layout_may_be_named_by_split(tmp_path):
    for folder, number in (("train", 1), ("annotation", 2), ("val", 601)):
        write_frames(tmp_path / folder / f"{number:04d}" / "images", four_digits(3))
        write_annotations(tmp_path / folder / f"{number:04d}", four_digits(3))
    found = scan(tmp_path)
    assert {clip: r.clip.split for clip, r in found.items()} == {
        "0001": "train",
        "0002": "train",
        "0601": "test",
    }
    assert found["0601"].clip.path == "val/0601/images"
    assert {r.clip.status for r in found.values()} == {"ok"}


def test_salema_without_fixations_is_usable_and_says_so(tmp_path):
    write_frames(tmp_path / "frames" / "1", ["1", "2", "3"])
    write_maps(tmp_path / "maps" / "1", four_digits(3))
    listing = DHF1K.list(tmp_path)
    reading = scan(tmp_path)["0001"]
    assert (listing.layout, reading.clip.status, reading.clip.n_fixated_frames) == ("salema", "ok", 0)
    assert [(f.level, f.kind) for f in reading.findings] == [("warning", "no-fixations")]
    assert "NSS and AUC cannot be scored" in str(reading.findings[0])


@pytest.mark.parametrize("name", ["1", "001", "0001"])
def test_a_clip_is_its_number_in_any_padding(tmp_path, name):
    write_video(tmp_path / "video" / f"{name}.avi", moving_square(3))
    write_annotations(tmp_path / "annotation" / name, four_digits(3))
    assert [(c, r.clip.status) for c, r in scan(tmp_path).items()] == [("0001", "ok")]
