"""How damage is told: with the clip, the file, the remedy, and never with where the corpus lies."""

import os

import numpy as np
import pytest

from datasets.corpus import ClipError, Entry
from datasets.damaged import as_finding, describe, quarantine, said
from manifests import Clip, Finding, clip_problems
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
