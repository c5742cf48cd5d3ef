"""Lists of clips as people write them, on any system: which clip each line means, and in which split."""

import time
import unicodedata

import pytest

from datasets.corpora.own_folder import FolderCorpus
from datasets.listing.split_lists import read_lists
from manifests import ProblemError
from tests.datasets.small_corpora import four_digits, write_fixations, write_frames, write_maps


def write_lists(root, **lists):
    for split, names in lists.items():
        (root / f"{split}.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def splits(root, clips):
    """Return the splits of each listed clip, in order."""
    lists, findings = read_lists(root, clips)
    assert findings == []
    return {clip: list(found) for clip, found in lists.splits.items()}


def test_a_clip_is_in_the_splits_whose_lists_name_it(tmp_path):
    write_lists(tmp_path, test=["b", "c"], train=["", "a", "b "], val=["  c"])
    lists, _ = read_lists(tmp_path, {"a", "b", "c"})
    assert lists.files == {"train": "train.txt", "val": "val.txt", "test": "test.txt"}
    assert splits(tmp_path, {"a", "b", "c"}) == {"a": ["train"], "b": ["train", "test"], "c": ["val", "test"]}


def test_without_lists_no_clip_is_listed(tmp_path):
    (tmp_path / "notes.txt").write_text("a")
    (tmp_path / "train").mkdir()
    (tmp_path / "val.txt").mkdir()
    assert read_lists(tmp_path, {"a"})[0].files == {}


@pytest.mark.parametrize(
    ("name", "split"),
    [("Training.TXT", "train"), ("VALID.txt", "val"), ("validation.txt", "val"), ("Testing.txt", "test")],
)
def test_lists_have_any_of_their_names(tmp_path, name, split):
    (tmp_path / name).write_text("a")
    assert splits(tmp_path, {"a"}) == {"a": [split]}


def test_lists_from_other_systems(tmp_path):
    (tmp_path / "train.txt").write_bytes(b"\xef\xbb\xbfa\r\n")
    (tmp_path / "val.txt").write_bytes(b"b")
    assert splits(tmp_path, {"a", "b"}) == {"a": ["train"], "b": ["val"]}
    (tmp_path / "val.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProblemError, match=r"val\.txt: expected a list of clips, found UnicodeDecodeError"):
        read_lists(tmp_path, {"a"})


def test_two_lists_for_one_split_are_refused(tmp_path):
    write_lists(tmp_path, val=["a"], valid=["a"])
    with pytest.raises(ProblemError, match=r"expected one for val, found val\.txt and valid\.txt"):
        read_lists(tmp_path, {"a"})


def test_what_is_repeated_in_one_list_is_told_and_counts_once(tmp_path):
    write_lists(tmp_path, train=["a", "b", "a.mp4", "b", "c"], val=["c"])
    lists, (note,) = read_lists(tmp_path, {"a", "b", "c"})
    assert (note.level, note.kind, note.path, note.found) == ("note", "repeated", "train.txt", "a, b again")
    assert list(lists.splits["c"]) == ["train", "val"]


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("a.mp4", "a"),
        ("frames/b.1", "b.1"),
        ("test/c.MP4", "c"),
        ("c.webp", "c"),
        ("b.1.avi", "b.1"),
        (unicodedata.normalize("NFD", "é"), "é"),
        ("#no clip", None),
        (" # nor this", None),
        ("gone.mp4", "gone.mp4"),
        ("../c", "../c"),
        ("/etc/c", "/etc/c"),
    ],
)
def test_a_line_means_a_clip_with_its_suffix_and_folder_or_itself(tmp_path, line, meant):
    write_lists(tmp_path, train=[line])
    assert splits(tmp_path, {"a", "b.1", "c", "é"}) == ({meant: ["train"]} if meant else {})


def test_further_columns_are_told_with_what_to_do(tmp_path):
    write_lists(tmp_path, train=["a 0", "a b", "gone 1"])
    lists, _ = read_lists(tmp_path, {"a", "a b"})
    correct = "Correct the list: it takes a clip to a line, without further columns."
    assert lists.hints == {"a 0": correct}


def test_a_corpus_follows_lists_as_people_write_them(tmp_path):
    decomposed = unicodedata.normalize("NFD", "é")
    for clip in ("a", "b.1", "c", decomposed, "#d"):
        write_frames(tmp_path / "frames" / clip, four_digits(1))
        write_maps(tmp_path / "maps" / clip, four_digits(1))
        write_fixations(tmp_path / "fixations" / clip, four_digits(1))
    write_lists(
        tmp_path,
        train=["# clips to train on", "a.mp4", " # another line"],
        val=["frames/b.1", unicodedata.normalize("NFC", "é")],
        test=["test/c.MP4", "c 0"],
    )
    found = FolderCorpus("Mine").list(tmp_path)
    assert {entry.clip: entry.split for entry in found.entries} == {
        "a": "train",
        "b.1": "val",
        "c": "test",
        "é": "val",
        "#d": "unlisted",
        "c 0": "test",
    }
    (fault,) = [entry.fault for entry in found.entries if entry.fault]
    assert fault.remedy == "Correct the list: it takes a clip to a line, without further columns."


def test_a_long_list_takes_no_square_of_its_time(tmp_path):
    write_lists(tmp_path, train=["a", *(f"v{n}" for n in range(20_000))])
    started = time.process_time()
    read_lists(tmp_path, {"a"})
    assert time.process_time() - started < 2
