"""How damage is told: with the clip, the file, the remedy, and never with where the corpus lies."""

import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from datasets import damaged
from datasets.corpus import ClipError, Entry
from datasets.damaged import (
    as_finding,
    content_of,
    describe,
    quarantine,
    require_as_indexed,
    require_once,
    said,
)
from manifests import Clip, Finding, ProblemError, clip_problems
from tests.datasets.one_clip import FIXATIONS, FRAMES, MAPS, frame_clip, read
from tests.datasets.small_corpora import fixated, write_png
from tests.datasets.text_corpus import TextCorpus

ENTRY = Entry("x", "val", "source", "frames", "frames/x", maps="maps/x")


def test_an_error_is_a_finding_of_its_clip_and_file():
    told = as_finding(ClipError("kind", "this", "that", path="maps/x/1.png", remedy="Do."), ENTRY)
    assert told == Finding("error", "kind", "x", "maps/x/1.png", "this", "that", "Do.")
    plain = as_finding(ClipError("kind", "this", "that"), ENTRY, "warning")
    assert (plain.level, plain.path) == ("warning", "frames/x")
    assert plain.remedy == "Mend or replace the file, and index again."


def test_a_reason_does_not_say_where_the_corpus_lies(tmp_path, monkeypatch):
    (tmp_path / "root").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "root")
    for root in (tmp_path / "root", tmp_path / "link"):
        for place in (root, tmp_path / "root"):
            assert said(OSError(f"cannot read {place}/a/b.png"), root) == "OSError: cannot read a/b.png"
    monkeypatch.chdir(tmp_path)
    assert said(ValueError("1 . 2"), type(tmp_path)(".")) == "ValueError: 1 . 2"
    assert said(OSError(os.fsdecode(b"\xff.png")), tmp_path) == "OSError: ?.png"


def test_a_quarantined_clip_has_its_reason_and_nothing_else():
    fault = Finding("error", "two-splits", "x", "frames/x", "one", "two", "Remove one.")
    reading = quarantine(TextCorpus(), ENTRY, fault)
    clip = reading.clip
    assert (clip.status, clip.reason, reading.findings) == (
        "quarantined",
        "expected one, found two",
        (fault,),
    )
    assert (reading.rows.shape, reading.rows.dtype) == ((0, 3), np.int32)
    assert clip_problems("Text", [clip]) == []


def test_a_row_is_the_place_the_columns_given_and_nothing():
    clip = describe("Text", ENTRY, n_frames=3, keyframes=(0, 2))
    assert (clip.corpus, clip.split, clip.clip, clip.source_video) == ("Text", "val", "x", "source")
    assert (clip.media, clip.path, clip.status) == ("frames", "frames/x", "ok")
    assert (clip.n_frames, clip.keyframes) == (3, (0, 2))
    given = {"corpus", "split", "clip", "source_video", "media", "path", "status", "n_frames", "keyframes"}
    empty = {getattr(clip, name) for name in Clip.__dataclass_fields__ if name not in given}
    assert empty == {"", 0, ()}


def test_a_column_that_a_clip_has_not_is_refused():
    with pytest.raises(TypeError, match="frames"):
        describe("Text", ENTRY, frames=3)


@pytest.mark.parametrize("place", [FRAMES, MAPS, FIXATIONS])
def test_a_file_that_holds_something_else_than_when_it_was_indexed_is_told(tmp_path, place):
    frame_clip(tmp_path)
    clip = read(tmp_path).clip
    require_as_indexed(tmp_path, clip)
    write_png(tmp_path / place / "0002.png", 9 * fixated(3))
    with pytest.raises(ProblemError, match=r"DHF1K/0001 .*expected the files, as indexed, found other"):
        require_as_indexed(tmp_path, clip)


@pytest.mark.parametrize("place", [FRAMES, MAPS, FIXATIONS])
def test_files_of_a_clip_that_have_changed_places_are_told(tmp_path, place):
    """As of somebody who numbers maps otherwise: their sizes together and the latest time stay."""
    frame_clip(tmp_path)
    first, aside, second = (tmp_path / place / name for name in ("0001.png", "aside", "0002.png"))
    os.utime(first, ns=(0, 10**9))
    clip = read(tmp_path).clip
    require_as_indexed(tmp_path, clip)
    for before, after in ((first, aside), (second, first), (aside, second)):
        before.rename(after)
    with pytest.raises(ProblemError, match="found other contents"):
        require_as_indexed(tmp_path, clip)
    # A manifest of before each file's state was kept knows no better.
    require_as_indexed(tmp_path, replace(clip, states=""))


def test_a_clip_read_in_pieces_is_looked_at_once_and_told_every_time(tmp_path):
    frame_clip(tmp_path)
    clip = read(tmp_path).clip
    write_png(tmp_path / MAPS / "0002.png", 9 * fixated(3))
    for _ in range(2):
        with pytest.raises(ProblemError, match="found other contents"):
            require_once(tmp_path, clip)
    frame_clip(tmp_path)
    require_once(tmp_path, clip)
    (tmp_path / MAPS / "0002.png").write_bytes(b"")
    require_once(tmp_path, clip)


def test_a_copy_with_other_times_is_the_same_and_frames_need_no_annotations(tmp_path):
    frame_clip(tmp_path / "corpus")
    clip = read(tmp_path / "corpus").clip
    shutil.copytree(tmp_path / "corpus", tmp_path / "copy", copy_function=shutil.copyfile)
    os.utime(tmp_path / "copy" / FRAMES / "0001.png")
    require_as_indexed(tmp_path / "copy", clip)
    shutil.rmtree(tmp_path / "copy" / "annotation")
    require_as_indexed(tmp_path / "copy", clip)


def test_a_copy_is_read_once_in_a_process_until_a_file_is_exchanged(tmp_path, monkeypatch):
    """Each evaluation read all files of a copy with other times again, those of fixations too."""
    frame_clip(tmp_path)
    clip = replace(read(tmp_path).clip, states="of another disk")
    hashed = []
    monkeypatch.setattr(damaged, "content_of", lambda *given: hashed.append(given) or content_of(*given))
    for _ in range(3):
        require_as_indexed(tmp_path, clip)
    assert len(hashed) == 1
    place = tmp_path / MAPS / "0002.png"
    before, content = place.stat(), place.read_bytes()
    place.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    for _ in range(2):
        with pytest.raises(ProblemError, match="other contents"):
            require_as_indexed(tmp_path, clip)
    place.write_bytes(content)
    require_as_indexed(tmp_path, clip)
    assert len(hashed) == 4
