"""UCF Sports: folders named with a hyphen, files with an underscore, and lists that name all."""

from datasets.corpora.ucf_sports import CORPUS as UCF_SPORTS
from tests.datasets.small_corpora import expected_rows, scanned, write_ucf


def scan(root):
    return {reading.clip.clip: reading for reading in scanned(UCF_SPORTS, root)}


def test_ucf_sports(tmp_path):
    write_ucf(tmp_path, "training", "Kicking-Side-002", 12)
    write_ucf(tmp_path, "training", "Swing-Bench-010", 7)  # in the published val list
    write_ucf(tmp_path, "training", "Diving-Side-001", 3)  # a test clip: in neither list
    write_ucf(tmp_path, "testing", "Golf-Swing-Back-003", 5)
    found = scan(tmp_path)
    assert {name: reading.clip.split for name, reading in found.items()} == {
        "Diving-Side-001": "unlisted",
        "Golf-Swing-Back-003": "test",
        "Kicking-Side-002": "train",
        "Swing-Bench-010": "val",
    }
    (warning,) = UCF_SPORTS.list(tmp_path).findings
    assert (warning.level, warning.kind, warning.found) == (
        "warning",
        "unlisted",
        "1 in none: Diving-Side-001",
    )
    clip = found["Golf-Swing-Back-003"].clip
    assert clip.frame_path(4) == "testing/Golf-Swing-Back-003/images/Golf-Swing-Back_003_005.png"
    assert (clip.n_frames, clip.fps, clip.source_video) == (5, 10.0, "Golf-Swing-Back-003")
    assert sorted(map(tuple, found["Golf-Swing-Back-003"].rows.tolist())) == expected_rows(5)


def test_a_clip_without_annotations_is_quarantined(tmp_path):
    for n in (1, 2):
        write_ucf(tmp_path, "testing", f"Run-Side-00{n}", 2)
    for kind in ("maps", "fixation"):
        folder = tmp_path / "testing" / "Run-Side-001"
        (folder / kind).rename(folder / f"no-{kind}")
    found = scan(tmp_path)
    assert [r.clip.status for r in found.values()] == ["quarantined", "ok"]
    assert found["Run-Side-001"].findings[0].kind == "no-annotation"


def test_files_named_as_the_folder_is_are_none_of_the_clip(tmp_path):
    write_ucf(tmp_path, "testing", "Run-Side-001", 2)
    images = tmp_path / "testing" / "Run-Side-001" / "images"
    for file in list(images.iterdir()):
        file.rename(images / file.name.replace("Side_001", "Side-001"))
    (reading,) = scan(tmp_path).values()
    assert reading.findings[0].kind == "wrong-names"
    assert reading.clip.reason == "expected files Run-Side_001_<number>.png, found Run-Side-001_<number>.png"
