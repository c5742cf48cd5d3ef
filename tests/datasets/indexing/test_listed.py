"""What an adapter lists is a listing of entries, or is told with the adapter's file."""

import pytest

from datasets.corpus import Listing
from datasets.indexing.listed import listed
from manifests import ProblemError
from tests.plugins.ours.tiny_corpus import Tiny


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (["a clip"], "expected a Listing, found a list"),
        (None, "expected a Listing, found a NoneType"),
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


def test_an_empty_place_is_told_with_where_the_corpus_is_had_from(tmp_path, monkeypatch):
    monkeypatch.setattr(Tiny, "had_from", "a laboratory")
    with pytest.raises(ProblemError, match="TinyClips is had from a laboratory"):
        listed(Tiny(), tmp_path, None)
    (tmp_path / "something").mkdir()
    with pytest.raises(ProblemError) as caught:
        listed(Tiny(), tmp_path, None)
    assert "a laboratory" not in str(caught.value), "who has something there has the corpus"
