"""Each adapter on its native layout: ids, splits, counts, points, and what its own lists make of it."""

import pytest

from datasets.corpora.registry import available, get
from datasets.listing.file_names import escapes
from datasets.listing.layouts import Place
from datasets.listing.published_lists import published_list, split_by_lists
from manifests import ProblemError
from tests.datasets.small_corpora import (
    HEIGHT,
    WIDTH,
    expected_rows,
    scanned,
    write_dhf1k,
    write_shot,
    write_ucf,
)


def scan(word, root):
    return {reading.clip.clip: reading for reading in scanned(get(word), root)}


def splits(word, root):
    return {entry.clip: entry.split for entry in get(word).list(root).entries}


def test_dhf1k(tmp_path):
    for number in (1, 2, 21, 601, 701, 1000):
        write_dhf1k(tmp_path, number)
    listing = get("dhf1k").list(tmp_path)
    assert (listing.layout, listing.findings) == ("shipped", [])
    found = scan("dhf1k", tmp_path)
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


def test_the_published_splits_add_up():
    sizes = {name: len(published_list(name)) for name in ("DHF1K.train", "DHF1K.val", "UCF.train", "UCF.val")}
    assert sizes == {"DHF1K.train": 540, "DHF1K.val": 60, "UCF.train": 93, "UCF.val": 10}
    assert len(published_list("Hollywood2.train")) == 1714
    assert len(published_list("Hollywood2.val")) == 190
    assert {word: sum(get(word).published.values()) for word in available()} == {
        "dhf1k": 1000,
        "hollywood2": 1714 + 190 + 3558,
        "ledov": 538,
        "ucf_sports": 150,
    }


def test_dhf1k_trains_on_what_it_does_not_hold_out(tmp_path):
    folder = tmp_path / "video"
    folder.mkdir()
    for number in range(1, 1001):
        (folder / f"{number:03d}.AVI").touch()
        (tmp_path / "annotation" / f"{number:04d}" / "maps").mkdir(parents=True)
    found = splits("dhf1k", tmp_path)
    for split in ("train", "val"):
        assert {clip for clip, own in found.items() if own == split} == published_list(f"DHF1K.{split}")
    counts = {split: list(found.values()).count(split) for split in set(found.values())}
    assert counts == get("dhf1k").published


def test_hollywood2(tmp_path):
    write_shot(tmp_path, "training", "actioncliptrain00197_2", first=74, n_frames=12)
    write_shot(
        tmp_path, "training", "actioncliptrain00572_2", first=3, n_frames=5
    )  # in the published val list
    write_shot(tmp_path, "training", "actioncliptrain00197_3", first=89, n_frames=3)  # in no list
    write_shot(tmp_path, "testing", "actioncliptest00001_10", first=99998, n_frames=4)
    write_shot(tmp_path, "testing", "actioncliptest00001_9", first=3, n_frames=1)
    (tmp_path / "training" / ".cache").mkdir()
    found = scan("hollywood2", tmp_path)
    assert {name: reading.clip.split for name, reading in found.items()} == {
        "actioncliptest00001_9": "test",
        "actioncliptest00001_10": "test",
        "actioncliptrain00197_2": "train",
        "actioncliptrain00197_3": "unlisted",
        "actioncliptrain00572_2": "val",
    }
    assert list(found)[:2] == ["actioncliptest00001_9", "actioncliptest00001_10"]
    assert {(r.clip.status, r.findings) for r in found.values()} == {("ok", ())}
    (note,) = get("hollywood2").list(tmp_path).findings
    assert (note.level, note.kind, note.found) == ("note", "unlisted", "1 in none: actioncliptrain00197_3")
    clip = found["actioncliptrain00197_2"].clip
    assert (clip.source_video, clip.first_frame, clip.first_annotation) == ("actioncliptrain00197", 74, 74)
    assert (clip.n_frames, clip.fps, clip.codec, clip.keyframes) == (12, 24.0, "png", ())
    assert clip.frame_path(11) == "training/actioncliptrain00197_2/images/actioncliptrain00197_00085.png"
    assert (tmp_path / clip.map_path(11)).is_file()
    assert sorted(map(tuple, found["actioncliptrain00197_2"].rows.tolist())) == expected_rows(12)
    assert found["actioncliptest00001_10"].clip.frame_path(3).endswith("actioncliptest00001_100001.png")


def test_hollywood2_with_a_hole_or_files_of_another_source_video(tmp_path):
    shots = [f"actioncliptrain00001_{n}" for n in range(1, 5)]
    for shot in shots:
        write_shot(tmp_path, "training", shot, first=3, n_frames=6)
    images = tmp_path / "training" / shots[0] / "images"
    (images / "actioncliptrain00001_00005.png").unlink()
    for kind in ("images", "maps"):
        (tmp_path / "training" / shots[1] / kind / "actioncliptrain00001_00008.png").unlink()
    folder = tmp_path / "training" / shots[2] / "images"
    for file in list(folder.iterdir()):
        file.rename(folder / file.name.replace("00001", "00002"))
    found = scan("hollywood2", tmp_path)
    assert [found[shot].clip.status for shot in shots] == ["quarantined"] * 3 + ["ok"]
    assert [found[shot].findings[0].kind for shot in shots[:3]] == [
        "missing-number",
        "count-mismatch",
        "wrong-names",
    ]
    assert found[shots[0]].clip.reason.endswith("5 numbers from 00003 to 00008, without 5")
    assert found[shots[1]].clip.reason.endswith("5 frames, 5 maps, 6 fixation files")
    assert "expected files actioncliptrain00001_<number>.png" in found[shots[2]].clip.reason


def test_a_shot_in_both_parts_is_a_duplicate(tmp_path):
    for part in ("training", "testing"):
        write_shot(tmp_path, part, "actioncliptest00001_1", first=3, n_frames=2)
    write_shot(tmp_path, "testing", "actioncliptest00001_2", first=8, n_frames=2)
    found = scan("hollywood2", tmp_path)
    assert [(c, r.clip.status) for c, r in found.items()] == [
        ("actioncliptest00001_1", "quarantined"),
        ("actioncliptest00001_2", "ok"),
    ]
    assert "training/actioncliptest00001_1/images" in found["actioncliptest00001_1"].clip.reason


def test_ucf_sports(tmp_path):
    write_ucf(tmp_path, "training", "Kicking-Side-002", 12)
    write_ucf(tmp_path, "training", "Swing-Bench-010", 7)  # in the published val list
    write_ucf(tmp_path, "training", "Diving-Side-001", 3)  # a test clip: in neither list
    write_ucf(tmp_path, "testing", "Golf-Swing-Back-003", 5)
    found = scan("ucf_sports", tmp_path)
    assert {name: reading.clip.split for name, reading in found.items()} == {
        "Diving-Side-001": "unlisted",
        "Golf-Swing-Back-003": "test",
        "Kicking-Side-002": "train",
        "Swing-Bench-010": "val",
    }
    (warning,) = get("ucf_sports").list(tmp_path).findings
    assert (warning.level, warning.kind, warning.found) == (
        "warning",
        "unlisted",
        "1 in none: Diving-Side-001",
    )
    clip = found["Golf-Swing-Back-003"].clip
    assert clip.frame_path(4) == "testing/Golf-Swing-Back-003/images/Golf-Swing-Back_003_005.png"
    assert (clip.n_frames, clip.fps, clip.source_video) == (5, 10.0, "Golf-Swing-Back-003")
    assert sorted(map(tuple, found["Golf-Swing-Back-003"].rows.tolist())) == expected_rows(5)


@pytest.mark.parametrize("word", ["hollywood2", "ucf_sports"])
def test_a_clip_without_annotations_is_quarantined(tmp_path, word):
    write, names = {
        "hollywood2": (lambda name: write_shot(tmp_path, "testing", name, 1, 2), "actioncliptest00001_{}"),
        "ucf_sports": (lambda name: write_ucf(tmp_path, "testing", name, 2), "Run-Side-00{}"),
    }[word]
    for n in (1, 2):
        write(names.format(n))
    clip = tmp_path / "testing" / names.format(1)
    for kind in ("maps", "fixation"):
        (clip / kind).rename(clip / f"no-{kind}")
    found = scan(word, tmp_path)
    assert [r.clip.status for r in found.values()] == ["quarantined", "ok"]
    assert found[names.format(1)].findings[0].kind == "no-annotation"


@pytest.mark.parametrize("word", available())
def test_a_wrong_root_says_what_was_expected_and_found(tmp_path, word):
    (tmp_path / "holiday").mkdir()
    with pytest.raises(ProblemError, match=rf"{get(word).name} at .*found only holiday\. Give the folder"):
        get(word).list(tmp_path)
    with pytest.raises(ProblemError, match="found no such folder"):
        get(word).list(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a", False),
        ("a/b", False),
        ("a..b", False),
        ("..a", False),
        ("..", True),
        ("a/../b", True),
        ("a\\..\\b", True),
        ("/a", True),
        ("\\a", True),
        ("c:a", True),
        ("\\\\server\\share", True),
    ],
)
def test_names_that_lead_out_of_the_root(name, expected):
    assert escapes(name) is expected


def test_testing_clips_need_no_list(tmp_path):
    write_shot(tmp_path, "testing", "actioncliptest00001_1", first=1, n_frames=1)
    (entry,) = get("hollywood2").list(tmp_path).entries
    assert split_by_lists(Place(entry, "testing"), "Hollywood2") == "test"
    assert split_by_lists(Place(entry, "training"), "Hollywood2") == "unlisted"
