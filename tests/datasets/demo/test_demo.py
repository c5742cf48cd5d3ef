"""The demo corpora made: kept when finished, whole or not at all, and never in place of a real one."""

import json

import pytest

from datasets.demo import MARKER, cast, generate
from manifests import ProblemError

# All of them generate corpora.
pytestmark = pytest.mark.slow


class StopHereError(Exception):
    pass


def test_finished_corpora_are_kept(demo_corpora):
    out = demo_corpora["dhf1k"].parent
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    assert generate(out) == demo_corpora
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


@pytest.fixture
def few_clips(monkeypatch):
    """Two clips of each split: what is tested is the same with all of them."""
    few = {word: {split: names[:2] for split, names in splits.items()} for word, splits in cast._CAST.items()}
    monkeypatch.setattr(cast, "_CAST", few)


@pytest.mark.usefixtures("few_clips")
def test_an_interrupted_corpus_leaves_nothing_and_another_seed_replaces_what_is_there(tmp_path):
    def stop_in_the_second_corpus(word, done, total):
        if word == "hollywood2":
            raise StopHereError

    for seed in (0, 1):
        with pytest.raises(StopHereError):
            generate(tmp_path, seed, progress=stop_in_the_second_corpus)
        assert [path.name for path in tmp_path.iterdir()] == ["DHF1K"]
        assert json.loads((tmp_path / "DHF1K" / MARKER).read_text())["seed"] == seed


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path):
    real = tmp_path / "LEDOV" / "VideoNameList.mat"
    real.parent.mkdir()
    real.write_bytes(b"precious")
    with pytest.raises(ProblemError, match="LEDOV"):
        generate(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [real]
