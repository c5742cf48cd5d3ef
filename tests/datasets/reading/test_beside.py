"""What lies beside a clip's numbered files, and what of them is left aside."""

from collections import Counter

from datasets.corpus import Entry
from datasets.reading.beside import beside, left_aside_of
from datasets.reading.numbered_files import numbered

ENTRY = Entry("a", "train", "a", "frames", "f")


def test_everything_else_is_named_and_images_without_a_number_are_a_warning(tmp_path):
    for name in ("1.png", "2.png", "gaze.csv", "old.mat"):
        (tmp_path / name).touch()
    files = numbered(tmp_path, ".", ("png",))
    assert [(f.level, f.found) for f in beside(ENTRY, [files])] == [("note", "2 more: gaze.csv, old.mat")]
    assert [f.found for f in beside(ENTRY, [files], ("mat",))] == ["1 more: gaze.csv"]
    (tmp_path / "cover.png").touch()
    (finding,) = beside(ENTRY, [numbered(tmp_path, ".", ("png",))], ("mat", "csv"))
    assert (finding.level, finding.kind, finding.found) == ("warning", "stray-file", "1 more: cover.png")


def test_what_is_left_aside_is_counted(tmp_path):
    for name in ("1.png", "2.png"):
        (tmp_path / name).touch()
    files = numbered(tmp_path, ".", ("png",))
    (finding,) = left_aside_of(ENTRY, files, Counter({"": 1, "transparency": 1}))
    assert (finding.level, finding.found) == ("warning", "transparency in 1 of 2, left aside")
