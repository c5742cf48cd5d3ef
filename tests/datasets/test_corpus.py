"""The contract's own: what travels between processes, and what a layout says of itself."""

import pickle

import pytest

from datasets.corpora.own_folder import FolderCorpus
from datasets.corpus import TRAINING_TESTING, ClipError, Corpus, Layout, Listing, Reading
from tests.datasets.one_clip import DHF1K, read, video_clip


def test_adapters_entries_and_readings_travel_between_processes(tmp_path):
    video_clip(tmp_path)
    for corpus in (DHF1K, FolderCorpus("Mine", seed=3)):
        assert pickle.loads(pickle.dumps(corpus)).name == corpus.name
    reading = read(tmp_path)
    again = pickle.loads(pickle.dumps(reading))
    assert (again.clip, again.findings) == (reading.clip, reading.findings)
    error = ClipError("kind", "this", "that", path="p", remedy="r")
    assert str(pickle.loads(pickle.dumps(error))) == "expected this, found that"


def test_a_layout_says_its_media_and_how_it_looks():
    video = Layout("v", ("video/{clip}.{video}",), ("maps/{clip}",), ())
    assert (video.kind, str(video)) == ("video", "video/{clip}.avi with maps/{clip}")
    assert TRAINING_TESTING.kind == "frames"
    assert str(TRAINING_TESTING) == "training|testing/{clip}/images with training|testing/{clip}/maps"
    bare = Layout("b", ("{clip}/{clip}.{video}",), (), ("{clip}/Data.mat",))
    assert str(bare) == "{clip}/{clip}.avi with {clip}/Data.mat"


def test_a_corpus_must_list_and_read_and_need_say_no_more():
    class Half(Corpus):
        def list(self, root, layout=None):
            return Listing([], "", [])

    with pytest.raises(TypeError, match="read"):
        Half()

    class Whole(Half):
        name = word = "whole"

        def read(self, root, entry):
            return Reading(None, None)

    corpus = Whole()
    assert (dict(corpus.published), corpus.layouts, corpus.title, corpus.map_rule) == ({}, (), "", None)


def test_an_error_is_what_was_expected_and_found():
    error = ClipError("kind", "20 maps", "19", path="maps")
    assert str(error) == "expected 20 maps, found 19"
    assert (error.kind, error.path, error.remedy) == ("kind", "maps", "")
