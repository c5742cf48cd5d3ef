"""LEDOV: its lists, its Data.mat of both generations, and the fixated pixels worked out of it."""

import av
import numpy as np
import pytest
from scipy.io import savemat

from datasets.corpora.ledov import fixated_pixels
from datasets.corpora.registry import get
from datasets.indexing.index import index
from datasets.reading import matfile
from manifests import ProblemError
from tests.datasets.small_corpora import (
    FIXATED,
    FIXDATA,
    HEIGHT,
    WIDTH,
    moving_square,
    scanned,
    write_ledov,
    write_mat73,
    write_video,
)


def scan(root):
    return {reading.clip.clip: reading for reading in scanned(get("ledov"), root)}


def splits(root):
    return {entry.clip: entry.split for entry in get("ledov").list(root).entries}


def test_ledov(tmp_path):
    names = ["animal_a", "animal_b", "man_10", "man_2"]
    write_ledov(tmp_path, names, modern=("animal_b", "man_2"))
    found = scan(tmp_path)
    assert {name: reading.clip.split for name, reading in found.items()} == {
        "animal_a": "train",
        "animal_b": "val",
        "man_2": "train",
        "man_10": "test",
    }
    for name, reading in found.items():
        clip = reading.clip
        assert (clip.reason, reading.findings) == ("", ())
        assert [tuple(r) for r in reading.rows.tolist()] == FIXATED
        assert (clip.n_frames, clip.fps, clip.map_pattern, clip.codec) == (12, 25.0, "", "h264")
        assert (clip.fixation_pattern, clip.first_annotation) == (f"{name}/Data.mat", 1)
        assert clip.n_fixated_frames == 8
        files = [tmp_path / name / file for file in (f"{name}.mp4", "Data.mat")]
        assert clip.size_bytes == sum(file.stat().st_size for file in files)


def test_ledov_lists_in_files_of_their_own(tmp_path):
    write_ledov(tmp_path, ["a", "b", "c"])
    for key in ("trainlist", "vaildlist", "testlist"):
        savemat(tmp_path / f"{key}.mat", {key: matfile.load(tmp_path, "namelist.mat", key)})
    (tmp_path / "namelist.mat").unlink()
    assert splits(tmp_path) == {"a": "train", "b": "val", "c": "test"}


def test_ledov_names_that_are_not_there_and_videos_in_no_list(tmp_path):
    names = ["a", "b", "c", "gone", "../outside", "/root/x", "C:\\x"]
    write_ledov(tmp_path / "corpus", names[:3])
    write_ledov(tmp_path / "more", ["other", "again", "twice"])
    (tmp_path / "more" / "other").rename(tmp_path / "corpus" / "other")
    cells = np.empty((len(names), 1), object)
    cells[:, 0] = names
    savemat(tmp_path / "corpus" / "VideoNameList.mat", {"VideoNameList": cells})
    lists = {"trainlist": [1, 4, 5, 6, 7, 7], "vaildlist": [2], "testlist": [3]}
    savemat(tmp_path / "corpus" / "namelist.mat", {k: np.array(v, float)[:, None] for k, v in lists.items()})
    listing = get("ledov").list(tmp_path / "corpus")
    assert [(f.level, f.kind, f.found) for f in listing.findings] == [
        ("note", "unlisted", "1 in none: other")
    ]
    found = scan(tmp_path / "corpus")
    assert set(found) == set(names)
    wrong = {name: found[name].findings[0] for name in names[3:]}
    assert {name: (f.level, f.kind) for name, f in wrong.items()} == {
        "gone": ("error", "missing-clip"),
        "../outside": ("error", "outside-root"),
        "/root/x": ("error", "outside-root"),
        "C:\\x": ("error", "outside-root"),
    }
    assert [found[name].clip.path for name in names[3:]] == ["gone/gone.mp4", "", "", ""]
    assert [found[name].clip.status for name in names] == ["ok"] * 3 + ["quarantined"] * 4


def test_ledov_damaged(tmp_path):
    names = ["a", "b", "c", "d", "e", "f"]
    write_ledov(tmp_path, names)
    (tmp_path / "a" / "Data.mat").unlink()
    savemat(tmp_path / "b" / "Data.mat", {"Other": {"x": 1.0}})
    data = {"VideoFrames": 12.0, "VideoSize": [[WIDTH, HEIGHT]], "VideoFrameRate": 25.0, "fixdata": FIXDATA}
    savemat(tmp_path / "c" / "Data.mat", {"Data": {k: v for k, v in data.items() if k != "fixdata"}})
    write_mat73(tmp_path / "d" / "Data.mat", data | {"VideoSize": [[1, 1]]})
    write_video(tmp_path / "f" / "f.mp4", moving_square(9), "libx264", fps=25, qp="0")
    found = scan(tmp_path)
    kinds = {name: [(f.level, f.kind, f.path) for f in reading.findings] for name, reading in found.items()}
    assert kinds == {
        "a": [("error", "missing-file", "a/Data.mat")],
        "b": [("error", "missing-key", "b/Data.mat")],
        "c": [("error", "missing-key", "c/Data.mat")],
        "d": [("error", "size-mismatch", "d/d.mp4")],
        "e": [],
        "f": [("warning", "count-mismatch", "f/f.mp4")],
    }
    assert found["b"].clip.reason == "expected Data in b/Data.mat, found only Other"
    assert found["c"].clip.reason.startswith("expected fixdata in Data, found only VideoFrames")
    assert found["d"].clip.reason == "expected the VideoSize of Data.mat, 1x1, found 64x48"
    # What follows the video's end is no fixation of any frame.
    assert [tuple(r) for r in found["f"].rows.tolist()] == [row for row in FIXATED if row[0] < 9]


@pytest.mark.parametrize(("key", "value"), [("testlist", 9), ("testlist", 2), ("vaildlist", 0)])
def test_ledov_lists_that_make_no_sense(tmp_path, key, value):
    write_ledov(tmp_path, ["a", "b", "c"])
    lists = {k: matfile.load(tmp_path, "namelist.mat", k) for k in ("trainlist", "vaildlist", "testlist")}
    savemat(tmp_path / "namelist.mat", lists | {key: value})
    with pytest.raises(ProblemError, match="split lists"):
        get("ledov").list(tmp_path)
    (tmp_path / "namelist.mat").unlink()
    with pytest.raises(ProblemError, match=r"the file trainlist\.mat"):
        get("ledov").list(tmp_path)


def test_ledov_points_from_either_orientation_and_none_at_all():
    arguments = {"frame_rate": 25.0, "n_frames": 12, "width": WIDTH, "height": HEIGHT}
    assert np.array_equal(fixated_pixels(FIXDATA.T, **arguments), fixated_pixels(FIXDATA, **arguments))
    assert [tuple(r) for r in fixated_pixels(FIXDATA, **arguments).tolist()] == FIXATED
    assert fixated_pixels(np.empty((0, 0)), **arguments).shape == (0, 3)
    assert len(fixated_pixels(FIXDATA[2], **arguments)) == 4


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda rows: np.c_[rows, np.ones(len(rows))], "8x6"),
        (lambda rows: rows[:, :4], "8x4"),
        (lambda rows: np.where(rows == 410, np.nan, rows), "1 rows with others"),
        (lambda rows: np.where(rows == 410, np.inf, rows), "1 rows with others"),
    ],
)
def test_ledov_fixations_that_make_no_sense(tmp_path, change, found):
    write_ledov(tmp_path, ["a", "b", "c"])
    data = {"VideoFrames": 12.0, "VideoFrameRate": 25.0, "VideoSize": [[WIDTH, HEIGHT]]}
    savemat(tmp_path / "b" / "Data.mat", {"Data": data | {"fixdata": change(FIXDATA)}})
    manifest = index("ledov", tmp_path, tmp_path / "m")
    assert [clip.clip for clip in manifest.clips()] == ["a", "c"]
    (finding,) = [finding for finding in manifest.problems() if finding.clip == "b"]
    assert (finding.kind, finding.path) == ("bad-fixations", "b/Data.mat")
    assert finding.found == found


def test_ledov_data_of_another_kind(tmp_path):
    write_ledov(tmp_path, ["a", "b", "c"])
    savemat(tmp_path / "a" / "Data.mat", {"Data": np.arange(5.0)})
    data = {"VideoFrames": 12.0, "VideoFrameRate": 0.0, "VideoSize": [[WIDTH, HEIGHT]], "fixdata": FIXDATA}
    savemat(tmp_path / "b" / "Data.mat", {"Data": data})
    found = scan(tmp_path)
    assert found["a"].clip.reason == "expected a struct Data, found another value"
    assert found["b"].clip.reason == "expected a frame rate above 0, found 0.0"


def test_ledov_times_far_outside_the_video():
    arguments = {"frame_rate": 25.0, "n_frames": 12, "width": WIDTH, "height": HEIGHT}
    rows = np.array([[1, -1e300, 5, 50, 40], [1, 1e300, 5, 50, 40], [1, 1e301, 1e300, 50, 40.0]])
    assert fixated_pixels(rows, **arguments).shape == (0, 3)


def test_a_video_cut_off_is_told_where_data_mat_has_no_count(tmp_path):
    write_ledov(tmp_path, ["a", "b", "c"])
    data = {"VideoFrameRate": 25.0, "VideoSize": [[WIDTH, HEIGHT]], "fixdata": FIXDATA}
    savemat(tmp_path / "a" / "Data.mat", {"Data": data})
    (tmp_path / "a" / "a.mp4").unlink()
    path = tmp_path / "a" / "a.avi"
    write_video(path, moving_square(60), "mpeg4", fps=25, g="5")
    with av.open(str(path)) as container:
        positions = [packet.pos for packet in container.demux(video=0) if packet.size]
    path.write_bytes(path.read_bytes()[: positions[30]])
    found = scan(tmp_path)["a"]
    assert found.clip.status == "ok"
    assert [(f.level, f.kind) for f in found.findings] == [("warning", "count-mismatch")]
