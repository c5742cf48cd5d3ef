"""Whatever lies in a corpus folder is data, or is named."""

import pytest

from datasets.corpora.own_folder import FolderCorpus
from datasets.corpora.registry import get
from datasets.corpus import Layout
from datasets.indexing.index import index
from datasets.listing.layouts import detect
from manifests import ProblemError
from tests.datasets.small_corpora import (
    four_digits,
    write_annotations,
    write_dhf1k,
    write_fixations,
    write_frames,
    write_ledov,
    write_maps,
)

MINE, DHF1K = FolderCorpus("Mine"), get("dhf1k")


def write_mine(root, *clips):
    for clip in clips:
        write_frames(root / "frames" / clip, four_digits(1))
        write_maps(root / "maps" / clip, four_digits(1))
        write_fixations(root / "fixations" / clip, four_digits(1))


def told(root, corpus=MINE):
    return {f.path: (f.level, f.found) for f in corpus.list(root).findings}


@pytest.mark.parametrize(
    "name", ["test_list.txt", "ids-test.xlsx", "test.mat", "my.test", "fold1_Testing.npy"]
)
def test_a_file_that_may_say_what_is_tested_on_is_a_warning(tmp_path, name):
    write_mine(tmp_path, "a", "b")
    (tmp_path / name).write_text("b")
    assert told(tmp_path)[name] == ("warning", "another name")


def test_lists_in_a_folder_of_their_own_are_a_warning(tmp_path):
    write_mine(tmp_path, "a", "b")
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "test.txt").write_text("b")
    assert told(tmp_path)["splits"] == ("warning", "another name with test.txt")


def test_lists_that_a_corpus_says_it_reads_are_not_named_wherever_they_lie(tmp_path):
    write_mine(tmp_path, "a")
    for folder in ("action_labels", "splits"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "test.txt").write_text("a")
    layout = Layout("own", ("frames/{clip}",), ("maps/{clip}",), ("fixations/{clip}",))
    found = detect(
        "Mine", tmp_path, [layout], MINE.identify, lists=lambda _: {"test": "action_labels/test.txt"}
    )
    assert [finding.path for finding in found.findings] == ["splits"]


def test_a_second_list_of_a_split_is_named(tmp_path):
    write_mine(tmp_path, "a", "b")
    (tmp_path / "train.txt").write_text("a")
    (tmp_path / "train.json").write_text("{}")
    (tmp_path / "test.csv").write_text("b")
    listing = MINE.list(tmp_path)
    assert {entry.clip: entry.split for entry in listing.entries} == {"a": "train", "b": "test"}
    assert told(tmp_path) == {"train.json": ("warning", "another name")}


@pytest.mark.parametrize("name", ["README", "metadata.csv", "splits.json", "annotations.xml"])
def test_any_other_file_is_named(tmp_path, name):
    write_mine(tmp_path, "a")
    (tmp_path / name).touch()
    assert told(tmp_path) == {name: ("note", "another name")}
    assert [f.remedy for f in MINE.list(tmp_path).findings] == ["Left aside."]


def test_what_the_project_itself_leaves_in_a_root_is_not_told(tmp_path):
    write_dhf1k(tmp_path, 1, 1)
    for name in ("demo.json", "gaze.yaml"):
        (tmp_path / name).touch()
    assert told(tmp_path, DHF1K) == {}


def test_what_stands_among_the_clips_is_named(tmp_path):
    write_mine(tmp_path, "a")
    for place in ("frames/list.txt", "maps/test.lst", "fixations/.hidden", "frames/Thumbs.db"):
        (tmp_path / place).touch()
    assert told(tmp_path) == {"frames": ("note", "1 more: list.txt"), "maps": ("warning", "1 more: test.lst")}


def test_a_folder_of_another_layout_is_named_where_it_holds_files(tmp_path):
    write_mine(tmp_path, "a")
    (tmp_path / "videos").mkdir()
    assert told(tmp_path) == {}
    (tmp_path / "videos" / "a.ts").touch()
    assert told(tmp_path) == {"videos": ("note", "another name with a.ts")}


def test_the_four_corpora_as_well(tmp_path):
    write_dhf1k(tmp_path / "dhf1k", 1, 3)
    (tmp_path / "dhf1k" / "test.txt").touch()
    (tmp_path / "dhf1k" / "annotation" / "0001" / "gaze.txt").touch()
    assert told(tmp_path / "dhf1k", DHF1K) == {
        "test.txt": ("warning", "another name"),
        "annotation/0001": ("note", "1 more: gaze.txt"),
    }
    root = tmp_path / "ledov"
    write_ledov(root, ["a", "b", "c"])
    assert told(root, get("ledov")) == {}
    (root / "trainlist.mat").touch()
    (root / "extra").mkdir()
    assert told(root, get("ledov")) == {"": ("note", "2 more: extra, trainlist.mat")}


def test_names_that_many_clips_have_are_told_together(tmp_path):
    for n in range(1, 8):
        write_dhf1k(tmp_path, n, 1)
        (tmp_path / "annotation" / f"{n:04d}" / "gaze.txt").touch()
    assert [f.found for f in DHF1K.list(tmp_path).findings] == ["1 more in 7 folders: gaze.txt"]


def test_what_a_clip_s_own_folders_hold_is_told_with_the_clip(tmp_path):
    write_annotations(tmp_path / "train" / "a", four_digits(2))
    write_frames(tmp_path / "train" / "a" / "images", four_digits(2))
    for place in ("images/audio.wav", "maps/0001.npy", "fixation/gaze.csv", "fixation/.DS_Store"):
        (tmp_path / "train" / "a" / place).touch()
    (tmp_path / "train" / "a" / "maps" / "old").mkdir()
    manifest = index(MINE, tmp_path, tmp_path.with_name("m"))
    found = {f.path: (f.level, f.found) for f in manifest.problems() if f.kind == "stray-file"}
    assert found == {
        "train/a/images": ("note", "1 more: audio.wav"),
        "train/a/maps": ("note", "2 more: 0001.npy, old"),
        "train/a/fixation": ("note", "1 more: gaze.csv"),
    }


def test_where_nothing_is_known_the_kinds_of_files_are_said(tmp_path):
    for n in "123":
        (tmp_path / "frames" / "a").mkdir(parents=True, exist_ok=True)
        (tmp_path / "frames" / "a" / f"{n}.jp2").touch()
    with pytest.raises(ProblemError, match=r"found only frames with files below: 3 \.jp2"):
        MINE.list(tmp_path)
