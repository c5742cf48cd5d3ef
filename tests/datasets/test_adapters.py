"""Each adapter on its native layout, whole and damaged: ids, splits, counts, points and reasons."""

import numpy as np
import pytest
from scipy.io import savemat
from small_corpora import (
    FIXATED,
    FIXDATA,
    HEIGHT,
    WIDTH,
    moving_square,
    points_of,
    write_dhf1k,
    write_ledov,
    write_mat73,
    write_png,
    write_shot,
    write_ucf,
    write_video,
)

from datasets import matfile
from datasets.corpora.ledov import fixated_pixels
from datasets.corpus import ClipError, available, get
from datasets.index import index
from manifests import ProblemError


def expected_rows(n_frames: int) -> list[tuple[int, int, int]]:
    return [(i, y, x) for i in range(n_frames) for y, x in sorted(points_of(i))]


def scan(word, root):
    return {clip.clip: (clip, rows) for clip, rows in get(word).scan(root)}


@pytest.fixture(scope="module")
def dhf1k(tmp_path_factory):
    """Training 0001 and 0002, validation 0021, test 0601, and 0701 without annotations."""
    root = tmp_path_factory.mktemp("DHF1K")
    for number in (1, 2, 21, 601, 701):
        write_dhf1k(root, number)
    return root


def test_dhf1k(dhf1k):
    found = scan("dhf1k", dhf1k)
    assert {name: clip.split for name, (clip, _) in found.items()} == {
        "0001": "train",
        "0002": "train",
        "0021": "val",
        "0601": "test",
    }
    clip, rows = found["0001"]
    assert (clip.status, clip.reason) == ("ok", "")
    assert (clip.n_frames, clip.width, clip.height, clip.fps, clip.codec) == (
        12,
        WIDTH,
        HEIGHT,
        30.0,
        "mpeg4",
    )
    assert (clip.path, clip.map_path(11)) == ("video/001.AVI", "annotation/0001/maps/0012.png")
    assert clip.keyframes[0] == 0
    assert len(clip.keyframes) >= 3
    assert clip.n_fixated_frames == 10
    assert sorted(map(tuple, rows.tolist())) == expected_rows(12)
    assert get("dhf1k").list(dhf1k).notes == ["1 videos after 700 left out: their annotations are withheld"]


def test_dhf1k_ignores_what_is_not_named_as_shipped(tmp_path):
    write_dhf1k(tmp_path, 1)
    for stray in (
        "video/._001.AVI",
        "video/Thumbs.db",
        "video/0001.AVI",
        "video/002.mp4",
        "annotation/.DS_Store",
    ):
        (tmp_path / stray).write_bytes(b"stray")
    write_png(tmp_path / "annotation/0001/0450.png", np.zeros((4, 4, 3), np.uint8))
    (tmp_path / "annotation/0001/maps/._0001.png").write_bytes(b"stray")
    (tmp_path / "annotation/0001/fixation/maps").mkdir()
    clip, rows = scan("dhf1k", tmp_path)["0001"]
    assert (clip.status, clip.n_frames, len(rows)) == ("ok", 12, len(expected_rows(12)))


def damage_dhf1k(root):
    """Write one clip for each way of being damaged; return the reasons expected."""
    for number in range(1, 10):
        write_dhf1k(root, number)
    annotation = root / "annotation"
    (annotation / "0001/maps/0012.png").unlink()
    (annotation / "0002/fixation/0005.png").unlink()
    (root / "video/003.AVI").write_bytes(b"")
    (root / "video/004.AVI").write_bytes(b"this is not a video" * 50)
    (root / "video/005.AVI").unlink()
    write_png(annotation / "0006/fixation/0003.png", np.zeros((HEIGHT, WIDTH + 2), np.uint8))
    for file in (annotation / "0007/maps").iterdir():
        file.unlink()
    (annotation / "0008/fixation/0004.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    return {
        "0001": "12 frames, 11 maps, 12 fixation images",
        "0002": "5 is missing",
        "0003": "InvalidDataError",
        "0004": "InvalidDataError",
        "0005": "no file 005.AVI",
        "0006": f"0003.png is {WIDTH + 2}x{HEIGHT}, the frames are {WIDTH}x{HEIGHT}",
        "0007": "no file <number>.png in annotation/0007/maps",
        "0008": "UnidentifiedImageError",
    }


def test_damaged_clips_are_quarantined_with_the_reason_and_stop_nothing(tmp_path):
    reasons = damage_dhf1k(tmp_path / "corpus")
    manifest = index("dhf1k", tmp_path / "corpus", tmp_path / "m")
    assert manifest.quarantined == len(reasons)
    assert [clip.clip for clip in manifest.clips()] == ["0009"]
    for clip in manifest.clips(status="quarantined"):
        assert reasons[clip.clip] in clip.reason, clip.clip
        assert str(tmp_path) not in clip.reason
        assert len(manifest.fixations().of(clip.clip)[0]) == 0


def test_hollywood2(tmp_path):
    write_shot(tmp_path, "training", "actioncliptrain00197_2", first=74, n_frames=12)
    write_shot(
        tmp_path, "training", "actioncliptrain00572_2", first=3, n_frames=5
    )  # in the published val list
    write_shot(tmp_path, "testing", "actioncliptest00001_10", first=99998, n_frames=4)
    write_shot(tmp_path, "testing", "actioncliptest00001_9", first=3, n_frames=1)
    (tmp_path / "training" / ".cache").mkdir()
    found = scan("hollywood2", tmp_path)
    assert {name: clip.split for name, (clip, _) in found.items()} == {
        "actioncliptrain00197_2": "train",
        "actioncliptrain00572_2": "val",
        "actioncliptest00001_9": "test",
        "actioncliptest00001_10": "test",
    }
    assert {clip.status for clip, _ in found.values()} == {"ok"}
    clip, rows = found["actioncliptrain00197_2"]
    assert (clip.source_video, clip.first_frame, clip.n_frames, clip.fps) == (
        "actioncliptrain00197",
        74,
        12,
        24.0,
    )
    assert clip.frame_path(11) == "training/actioncliptrain00197_2/images/actioncliptrain00197_00085.png"
    assert (tmp_path / clip.map_path(11)).is_file()
    assert (clip.media, clip.codec, clip.keyframes) == ("frames", "png", ())
    assert (clip.width, clip.height) == (WIDTH, HEIGHT)
    assert sorted(map(tuple, rows.tolist())) == expected_rows(12)
    assert found["actioncliptest00001_10"][0].frame_path(3).endswith("actioncliptest00001_100001.png")


def test_hollywood2_with_a_hole_or_files_of_another_shot(tmp_path):
    shots = [f"actioncliptrain00001_{n}" for n in range(1, 5)]
    for shot in shots:
        write_shot(tmp_path, "training", shot, first=3, n_frames=6)
    images = tmp_path / "training" / shots[0] / "images"
    (images / "actioncliptrain00001_00005.png").unlink()
    for kind in ("images", "maps"):
        (tmp_path / "training" / shots[1] / kind / "actioncliptrain00001_00008.png").unlink()
    folder = tmp_path / "training" / shots[2] / "images"
    for file in folder.iterdir():
        file.rename(folder / file.name.replace("00001", "00002"))
    found = scan("hollywood2", tmp_path)
    assert [found[shot][0].status for shot in shots] == ["quarantined"] * 3 + ["ok"]
    assert "3 to 8 with holes" in found[shots[0]][0].reason
    assert found[shots[1]][0].reason == "5 frames, 5 maps, 6 fixation images"
    assert "no file actioncliptrain00001_<number>.png" in found[shots[2]][0].reason


def test_ucf_sports(tmp_path):
    write_ucf(tmp_path, "training", "Diving-Side-001", 12)
    write_ucf(tmp_path, "training", "Swing-Bench-010", 7)  # in the published val list
    write_ucf(tmp_path, "testing", "Golf-Swing-Back-003", 5)
    found = scan("ucf_sports", tmp_path)
    assert {name: clip.split for name, (clip, _) in found.items()} == {
        "Diving-Side-001": "train",
        "Swing-Bench-010": "val",
        "Golf-Swing-Back-003": "test",
    }
    clip, rows = found["Golf-Swing-Back-003"]
    assert clip.frame_path(4) == "testing/Golf-Swing-Back-003/images/Golf-Swing-Back_003_005.png"
    assert (clip.n_frames, clip.fps, clip.source_video) == (5, 10.0, "Golf-Swing-Back-003")
    assert sorted(map(tuple, rows.tolist())) == expected_rows(5)


def test_ledov(tmp_path):
    names = ["animal_a", "animal_b", "man_10", "man_2"]
    write_ledov(tmp_path, names, modern=("animal_b", "man_2"))
    (tmp_path / "unlisted").mkdir()
    found = scan("ledov", tmp_path)
    assert {name: clip.split for name, (clip, _) in found.items()} == {
        "animal_a": "train",
        "animal_b": "val",
        "man_10": "test",
        "man_2": "train",
    }
    for clip, rows in found.values():
        assert clip.reason == ""
        assert [tuple(r) for r in rows.tolist()] == FIXATED
        assert (clip.n_frames, clip.fps, clip.map_pattern, clip.codec) == (12, 25.0, "", "h264")
        assert clip.n_fixated_frames == 8
    assert "1 folders in no split list left out: unlisted" in get("ledov").list(tmp_path).notes


def test_ledov_split_lists_in_a_file_each(tmp_path):
    names = ["a", "b", "c"]
    write_ledov(tmp_path, names)
    together = tmp_path / "namelist.mat"
    for key in ("trainlist", "vaildlist", "testlist"):
        savemat(tmp_path / f"{key}.mat", {key: matfile.load(together, key)})
    together.unlink()
    assert [e.split for e in get("ledov").list(tmp_path).entries] == ["train", "val", "test"]


def test_ledov_damaged(tmp_path):
    write_ledov(tmp_path, ["a", "b", "c", "d", "e"])
    (tmp_path / "a" / "Data.mat").unlink()
    savemat(tmp_path / "b" / "Data.mat", {"Other": 1})
    savemat(tmp_path / "c" / "Data.mat", {"Data": {"VideoSize": [[64, 48]], "VideoFrameRate": 25.0}})
    write_mat73(
        tmp_path / "d" / "Data.mat", {"VideoSize": [[1, 1]], "VideoFrameRate": 25.0, "fixdata": FIXDATA}
    )
    reasons = {name: clip.reason for name, (clip, _) in scan("ledov", tmp_path).items()}
    assert "no file Data.mat" in reasons["a"]
    assert reasons["b"] == "Data.mat has no Data, only Other"
    assert "no fixdata in Data" in reasons["c"]
    assert reasons["d"] == "VideoSize is 1x1, the video 64x48"
    assert reasons["e"] == ""


@pytest.mark.parametrize(("key", "value"), [("testlist", 9), ("testlist", 2), ("vaildlist", 0)])
def test_ledov_lists_that_make_no_sense(tmp_path, key, value):
    write_ledov(tmp_path, ["a", "b", "c"])
    lists = {k: matfile.load(tmp_path / "namelist.mat", k) for k in ("trainlist", "vaildlist", "testlist")}
    savemat(tmp_path / "namelist.mat", lists | {key: value})
    with pytest.raises(ProblemError, match="split lists"):
        get("ledov").list(tmp_path)


def test_ledov_points_from_either_orientation_and_none_at_all():
    arguments = {"frame_rate": 25.0, "n_frames": 12, "width": WIDTH, "height": HEIGHT}
    assert np.array_equal(fixated_pixels(FIXDATA.T, **arguments), fixated_pixels(FIXDATA, **arguments))
    assert [tuple(r) for r in fixated_pixels(FIXDATA, **arguments).tolist()] == FIXATED
    assert fixated_pixels(np.empty((0, 0)), **arguments).shape == (0, 3)
    assert len(fixated_pixels(FIXDATA[2], **arguments)) == 4


def test_a_file_that_is_no_matlab_file(tmp_path):
    (tmp_path / "x.mat").write_bytes(b"nothing of the kind" * 20)
    with pytest.raises(ClipError, match=r"x\.mat is no MATLAB file"):
        matfile.load(tmp_path / "x.mat", "Data")


@pytest.mark.parametrize("word", available())
def test_a_wrong_root_says_what_was_expected_and_found(tmp_path, word):
    (tmp_path / "holiday").mkdir()
    with pytest.raises(ProblemError, match=rf"{get(word).name} at .*found only holiday\. Give the folder"):
        get(word).list(tmp_path)
    with pytest.raises(ProblemError, match="found no such folder"):
        get(word).list(tmp_path / "nowhere")


def test_names_and_words_find_the_adapter():
    assert get("DHF1K") is get("dhf1k")
    assert [get(word).name for word in available()] == ["DHF1K", "Hollywood2", "LEDOV", "UCFSports"]
    with pytest.raises(ProblemError, match=r"found .holywood.\. Did you mean hollywood2\? Available: dhf1k"):
        get("holywood")


def test_a_corpus_of_damaged_clips_only_is_an_error(tmp_path):
    write_video(tmp_path / "corpus/video/001.AVI", moving_square(3))
    with pytest.raises(
        ProblemError, match="1 clips, all quarantined, the first because: no folder annotation/0001/maps"
    ):
        index("dhf1k", tmp_path / "corpus", tmp_path / "m")


def test_the_digest_does_not_depend_on_where_the_corpus_lies(tmp_path, dhf1k):
    here = index("dhf1k", dhf1k, tmp_path / "here")
    (tmp_path / "link").symlink_to(dhf1k)
    assert index("DHF1K", tmp_path / "link", tmp_path / "there").digest == here.digest
