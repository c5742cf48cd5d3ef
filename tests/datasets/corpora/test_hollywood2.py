"""Hollywood2: shots with their source videos, numbers that count over these, and the published lists."""

from datasets.corpora.hollywood2 import CORPUS as HOLLYWOOD2
from tests.datasets.small_corpora import expected_rows, scanned, write_shot


def scan(root):
    return {reading.clip.clip: reading for reading in scanned(HOLLYWOOD2, root)}


def test_hollywood2(tmp_path):
    write_shot(tmp_path, "training", "actioncliptrain00197_2", first=74, n_frames=12)
    write_shot(
        tmp_path, "training", "actioncliptrain00572_2", first=3, n_frames=5
    )  # in the published val list
    write_shot(tmp_path, "training", "actioncliptrain00197_3", first=89, n_frames=3)  # in no list
    write_shot(tmp_path, "testing", "actioncliptest00001_10", first=99998, n_frames=4)
    write_shot(tmp_path, "testing", "actioncliptest00001_9", first=3, n_frames=1)
    (tmp_path / "training" / ".cache").mkdir()
    found = scan(tmp_path)
    assert {name: reading.clip.split for name, reading in found.items()} == {
        "actioncliptest00001_9": "test",
        "actioncliptest00001_10": "test",
        "actioncliptrain00197_2": "train",
        "actioncliptrain00197_3": "unlisted",
        "actioncliptrain00572_2": "val",
    }
    assert list(found)[:2] == ["actioncliptest00001_9", "actioncliptest00001_10"]
    assert {(r.clip.status, r.findings) for r in found.values()} == {("ok", ())}
    (note,) = HOLLYWOOD2.list(tmp_path).findings
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
    found = scan(tmp_path)
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
    found = scan(tmp_path)
    assert [(c, r.clip.status) for c, r in found.items()] == [
        ("actioncliptest00001_1", "quarantined"),
        ("actioncliptest00001_2", "ok"),
    ]
    assert "training/actioncliptest00001_1/images" in found["actioncliptest00001_1"].clip.reason


def test_a_shot_without_annotations_is_quarantined(tmp_path):
    for n in (1, 2):
        write_shot(tmp_path, "testing", f"actioncliptest00001_{n}", 1, 2)
    for kind in ("maps", "fixation"):
        folder = tmp_path / "testing" / "actioncliptest00001_1"
        (folder / kind).rename(folder / f"no-{kind}")
    found = scan(tmp_path)
    assert [r.clip.status for r in found.values()] == ["quarantined", "ok"]
    assert found["actioncliptest00001_1"].findings[0].kind == "no-annotation"


def test_folders_that_are_no_shot_are_left_aside(tmp_path):
    write_shot(tmp_path, "testing", "actioncliptest00001_1", 1, 2)
    for name in ("actionclip00001_1", "actioncliptest0001_1", "actioncliptest00001"):
        (tmp_path / "testing" / name / "images").mkdir(parents=True)
    listing = HOLLYWOOD2.list(tmp_path)
    assert [entry.clip for entry in listing.entries] == ["actioncliptest00001_1"]
    assert [(f.kind, f.path) for f in listing.findings] == [("stray-file", "testing")]
