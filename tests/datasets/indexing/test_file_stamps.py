"""The state of a clip's files, by which a second index knows what to read again."""

import os

import pytest

from datasets.corpus import Entry
from datasets.indexing.file_stamps import stamp
from datasets.indexing.read_entry import read_entry
from manifests import Finding
from tests.datasets.one_clip import DHF1K, FIXATIONS, MAPS, VIDEO, cut, read, video_clip
from tests.datasets.small_corpora import four_digits, write_fixations


def entry_of(root):
    return DHF1K.list(root).entries[0]


def test_the_stamp_is_of_all_the_files(tmp_path):
    video_clip(tmp_path)
    files = [tmp_path / VIDEO, *(tmp_path / MAPS).iterdir(), *(tmp_path / FIXATIONS).iterdir()]
    os.utime(files[7], ns=(1, 10**19 // 2))
    found = stamp(tmp_path, entry_of(tmp_path))
    assert found.size_bytes == sum(file.stat().st_size for file in files)
    assert found.mtime_ns == max(file.stat().st_mtime_ns for file in files) == files[7].stat().st_mtime_ns
    clip = read(tmp_path).clip
    assert (clip.size_bytes, clip.mtime_ns) == (found.size_bytes, found.mtime_ns)


@pytest.mark.parametrize("path", [VIDEO, f"{MAPS}/0003.png", f"{FIXATIONS}/0006.png"])
def test_the_stamp_changes_iff_a_file_does(tmp_path, path):
    video_clip(tmp_path)
    entry = entry_of(tmp_path)
    first = stamp(tmp_path, entry)
    read_entry(DHF1K, tmp_path, entry)
    (tmp_path / MAPS / ".hidden").write_bytes(b"")
    assert stamp(tmp_path, entry) == first
    state = (tmp_path / path).stat()
    os.utime(tmp_path / path, ns=(state.st_atime_ns, state.st_mtime_ns - 1))
    touched = stamp(tmp_path, entry)
    (tmp_path / path).write_bytes((tmp_path / path).read_bytes() + b"x")
    os.utime(tmp_path / path, ns=(state.st_atime_ns, state.st_mtime_ns - 1))
    grown = stamp(tmp_path, entry)
    (tmp_path / path).unlink()
    gone = stamp(tmp_path, entry)
    assert len({stamp.key for stamp in (first, touched, grown, gone)}) == 4


def test_the_stamp_sees_the_files_beside_a_link_that_leads_round_in_a_circle(tmp_path):
    video_clip(tmp_path)
    (tmp_path / MAPS / "round.png").symlink_to("round.png")
    first = stamp(tmp_path, entry_of(tmp_path))
    (tmp_path / MAPS / "0003.png").write_bytes(b"another map")
    assert stamp(tmp_path, entry_of(tmp_path)).key != first.key


def test_the_stamp_covers_mat_files_where_they_are_read(tmp_path):
    video_clip(tmp_path)
    write_fixations(tmp_path / FIXATIONS / "maps", four_digits(6), "mat")
    with_images = stamp(tmp_path, entry_of(tmp_path))
    cut(tmp_path / FIXATIONS / "maps" / "0001.mat")
    assert stamp(tmp_path, entry_of(tmp_path)) == with_images
    for file in (tmp_path / FIXATIONS).glob("*.png"):
        file.unlink()
    without = stamp(tmp_path, entry_of(tmp_path))
    (tmp_path / FIXATIONS / "maps" / "0001.mat").unlink()
    assert stamp(tmp_path, entry_of(tmp_path)) != without


def test_a_clip_that_is_not_there_has_a_stamp(tmp_path):
    missing = Entry("x", "train", "x", "video", "a/b.avi", "a/maps", "a\0b")
    assert stamp(tmp_path, missing).size_bytes == 0
    assert stamp(tmp_path / "nowhere", missing) == stamp(tmp_path, missing)


def test_a_fault_is_part_of_the_stamp(tmp_path):
    fault = Finding("error", "two-splits", "x", "x.avi", "one", "two", "Remove one.")
    place = ("x", "train", "x", "video", "x.avi")
    assert stamp(tmp_path, Entry(*place, fault=fault)).key != stamp(tmp_path, Entry(*place)).key
