"""One clip read, whatever state it is in: hashed and stamped, or quarantined with the reason."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from datasets.corpus import ClipError, Entry
from datasets.indexing.file_stamps import Stamp, stamp
from datasets.indexing.index import index
from datasets.indexing.read_entry import read_entry
from manifests import Finding
from manifests.schema import IDENTITY
from tests.datasets.one_clip import DHF1K, FIXATIONS, FRAMES, MAPS, frame_clip, read, video_clip
from tests.datasets.small_corpora import HEIGHT, write_dhf1k, write_ledov, write_png


@pytest.mark.parametrize("place", [FRAMES, MAPS, FIXATIONS])
def test_another_file_of_the_clip_is_another_content(tmp_path, place):
    frame_clip(tmp_path)
    before = read(tmp_path).clip.content
    assert len(before) == 16
    assert read(tmp_path).clip.content == before
    path = tmp_path / place / "0003.png"
    with Image.open(path) as image:
        pixels = np.array(image)
    pixels[20, 20] ^= 255
    write_png(path, pixels)
    assert read(tmp_path).clip.content != before


def test_the_content_of_a_video_and_of_mat_files(tmp_path):
    video_clip(tmp_path)
    before = read(tmp_path).clip
    assert before.paths()[-1] == "video/001.AVI"
    assert len(before.paths()) == 13
    write_ledov(tmp_path / "ledov", ["a", "b", "c"])
    clip = index("ledov", tmp_path / "ledov", tmp_path / "m").clips("train")[0]
    assert clip.paths() == ["a/Data.mat", "a/a.mp4"]


def test_a_clip_with_a_fault_is_not_opened(tmp_path):
    fault = Finding("error", "two-splits", "x", "x.avi", "one", "two", "Remove one.")
    entry = Entry("x", "train", "x", "video", "x.avi", fault=fault)
    reading = read_entry(DHF1K, tmp_path, entry)
    assert (reading.clip.reason, reading.findings) == ("expected one, found two", (fault,))


@pytest.mark.parametrize("row", [(6, 0, 0), (0, HEIGHT, 0), (0, 0, -1), (0, np.nan, 0)])
def test_fixations_outside_the_clip_quarantine_it_alone(tmp_path, row):
    class Astray(DHF1K.__class__):
        def read(self, root, entry):
            reading = super().read(root, entry)
            return replace(reading, rows=np.array([row])) if entry.clip == "0001" else reading

    write_dhf1k(tmp_path / "corpus", 1, 6)
    write_dhf1k(tmp_path / "corpus", 2, 6)
    manifest = index(Astray(), tmp_path / "corpus", tmp_path / "m")
    assert [clip.clip for clip in manifest.clips()] == ["0002"]
    (finding,) = [finding for finding in manifest.problems() if finding.clip]
    assert (finding.clip, finding.kind) == ("0001", "outside-frame")


class Failing(DHF1K.__class__):
    """A corpus whose reader raises what it is given."""

    def __init__(self, error):
        self.error = error

    def read(self, root, entry):
        raise self.error


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (ClipError("no-maps", "maps", "none"), "no-maps", "expected maps, found none"),
        (RuntimeError("odd"), "unreadable", "expected files that can be read, found RuntimeError: odd"),
    ],
)
def test_whatever_a_reader_raises_quarantines_the_clip(tmp_path, error, kind, reason):
    video_clip(tmp_path)
    (entry,) = DHF1K.list(tmp_path).entries
    reading = read_entry(Failing(error), tmp_path, entry)
    assert (reading.clip.status, reading.clip.reason, len(reading.rows)) == ("quarantined", reason, 0)
    assert [(f.level, f.kind, f.clip) for f in reading.findings] == [("error", kind, "0001")]
    now = stamp(tmp_path, entry)
    assert (reading.clip.size_bytes, reading.clip.mtime_ns) == (now.size_bytes, now.mtime_ns)


def test_what_a_reader_raises_is_told_without_where_the_corpus_lies(tmp_path):
    video_clip(tmp_path)
    (entry,) = DHF1K.list(tmp_path).entries
    reading = read_entry(Failing(OSError(f"no {tmp_path}/video/001.AVI")), tmp_path, entry)
    assert reading.clip.reason.endswith("found OSError: no video/001.AVI")


def test_a_stamp_taken_before_is_the_clips(tmp_path):
    video_clip(tmp_path)
    (entry,) = DHF1K.list(tmp_path).entries
    clip = read_entry(DHF1K, tmp_path, entry, Stamp(5, 7, "key")).clip
    assert (clip.status, clip.size_bytes, clip.mtime_ns) == ("ok", 5, 7)


def test_a_note_beside_the_frames_changes_the_stamp_and_not_the_content(tmp_path):
    frame_clip(tmp_path)
    before = read(tmp_path).clip
    (tmp_path / FRAMES / "notes.txt").write_text("seen")
    after = read(tmp_path).clip
    assert after.size_bytes > before.size_bytes
    assert [getattr(after, name) for name in IDENTITY] == [getattr(before, name) for name in IDENTITY]


def test_an_index_keeps_every_damaged_clip_and_lists_why(tmp_path):
    root = tmp_path / "corpus"
    for number in (1, 2, 3, 21, 601, 701):
        write_dhf1k(root, number, 4)
    (root / "video/001.AVI").write_bytes(b"")
    (root / "annotation/0002/maps/0004.png").unlink()
    (root / "video/0003.AVI").write_bytes((root / "video/003.AVI").read_bytes())
    write_png(root / "annotation/0021/0450.png", np.zeros((4, 4, 3), np.uint8))
    (root / "video/702.AVI").write_bytes(b"no video")
    manifest = index("dhf1k", root, tmp_path / "m", workers=2)
    assert (manifest.layout, manifest.quarantined) == ("shipped", 4)
    assert {clip.clip: clip.split for clip in manifest.clips()} == {
        "0021": "val",
        "0601": "test",
        "0701": "unannotated",
    }
    found = {(f.level, f.kind, f.clip) for f in manifest.problems() if f.clip}
    assert found == {
        ("error", "unreadable-video", "0001"),
        ("error", "count-mismatch", "0002"),
        ("error", "duplicate-clip", "0003"),
        ("error", "unreadable-video", "0702"),
        ("warning", "stray-file", "0021"),
        ("warning", "copied-clip", "0601"),
    }
    fixations = manifest.fixations()
    for clip in manifest.clips(status="quarantined"):
        assert clip.reason
        assert len(fixations.of(clip.clip)[0]) == 0


class Own(DHF1K.__class__):
    """Somebody's own adapter, which answers with what a test says."""

    def __init__(self, answer):
        self.answer = answer

    def read(self, root, entry):
        return self.answer(super().read(root, entry))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda reading: None, "expected a Reading with rows, an array (N, 3), found NoneType"),
        (lambda reading: (reading.clip, reading.rows), "found tuple"),
        (lambda reading: replace(reading, rows=None), "found NoneType"),
        (lambda reading: replace(reading, rows=reading.rows.tolist()), "an array (N, 3), found list"),
        (lambda reading: replace(reading, rows=reading.rows[:, 1:]), "found rows (15, 2)"),
        (
            lambda reading: replace(reading, rowz=None),
            "found TypeError: Reading.__init__() got an unexpected keyword argument 'rowz'",
        ),
    ],
)
def test_what_an_adapter_makes_of_a_clip_is_a_reading_or_told_with_its_file(tmp_path, answer, told):
    video_clip(tmp_path)
    (entry,) = DHF1K.list(tmp_path).entries
    reading = read_entry(Own(answer), tmp_path, entry)
    assert told in reading.clip.reason
    (finding,) = reading.findings
    assert __file__ in finding.remedy


def test_frames_with_fixations_are_counted_whatever_the_adapter_says(tmp_path):
    video_clip(tmp_path)
    (entry,) = DHF1K.list(tmp_path).entries
    said = Own(lambda reading: replace(reading, clip=replace(reading.clip, n_fixated_frames=9)))
    assert read_entry(said, tmp_path, entry).clip.n_fixated_frames == 5
    halves = Own(lambda reading: replace(reading, rows=np.concatenate([reading.rows, reading.rows + 0.5])))
    assert read_entry(halves, tmp_path, entry).clip.n_fixated_frames == 5
