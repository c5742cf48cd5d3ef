"""What an adapter lists is a listing of entries, or is told with the adapter's file."""

from dataclasses import replace

import pytest

from datasets.corpus import Entry, Listing
from datasets.indexing.index import index
from datasets.indexing.listed import listed
from manifests import ProblemError
from tests.plugins.ours.tiny_corpus import Tiny


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (["a clip"], "expected a Listing, found a list"),
        (None, "expected a Listing, found a NoneType"),
        (Listing(iter(()), "shipped", []), "a Listing whose entries are a list, found a tuple_iterator"),
        (
            Listing(["a clip", 3], "shipped", []),
            "expected a Listing whose entries are each an Entry, found int, str",
        ),
    ],
)
def test_what_is_no_listing_is_told_with_the_adapters_file(tmp_path, monkeypatch, found, told):
    monkeypatch.setattr(Tiny, "list", lambda self, root, layout=None: found)
    with pytest.raises(ProblemError) as caught:
        listed(Tiny(), tmp_path, None)
    assert "tiny_corpus.py, list: " in str(caught.value)
    assert told in str(caught.value)


def test_what_an_adapter_raises_is_told_with_its_line():
    told = r"tiny_corpus\.py, list, line [0-9]+: expected a Listing, found AttributeError: 'str' object has"
    with pytest.raises(ProblemError, match=told):
        listed(Tiny(), "no path", None)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"split": "training"}, "walk: expected split one of train, val, test"),
        ({"clip": "run"}, "run: expected every clip once, found it twice"),
        ({"path": "/walk"}, "walk: expected paths inside the corpus root, found /walk"),
        ({"media": "clip"}, "walk: expected media one of"),
    ],
)
def test_what_makes_no_manifest_is_told_before_a_clip_is_read(tmp_path, monkeypatch, changed, told):
    run, walk = (Entry(name, "train", name, "frames", name) for name in ("run", "walk"))
    monkeypatch.setattr(Tiny, "list", lambda *_: Listing([run, replace(walk, **changed)], "shipped", []))
    monkeypatch.setattr(Tiny, "read", lambda *_: pytest.fail("it was read"))
    with pytest.raises(ProblemError, match=told):
        index(Tiny(), tmp_path, tmp_path / "m")


def test_an_empty_place_is_told_with_where_the_corpus_is_had_from(tmp_path, monkeypatch):
    monkeypatch.setattr(Tiny, "had_from", "a laboratory")
    with pytest.raises(ProblemError, match="TinyClips is had from a laboratory"):
        listed(Tiny(), tmp_path, None)
    (tmp_path / "something").mkdir()
    with pytest.raises(ProblemError) as caught:
        listed(Tiny(), tmp_path, None)
    assert "a laboratory" not in str(caught.value), "who has something there has the corpus"
