"""Lengths of clips as published: as many as the adapters say, and the sums that papers give."""

import pytest

from datasets.corpora.registry import available, get
from datasets.listing.published_lengths import published_lengths


@pytest.mark.parametrize("word", available())
def test_every_split_has_as_many_clips_as_published(word):
    corpus = get(word)
    lengths = published_lengths(corpus.name)
    assert {split: len(found) for split, found in lengths.items()} == dict(corpus.published)
    assert min(min(found) for found in lengths.values()) >= 1


@pytest.mark.parametrize(
    ("name", "split", "frames"),
    [
        ("DHF1K", "test", 60_273),
        ("DHF1K", "unannotated", 176_192),
        ("Hollywood2", "test", 244_860),
        ("UCFSports", "test", 2_929),
    ],
)
def test_sums_are_the_published_ones(name, split, frames):
    assert sum(published_lengths(name)[split]) == frames


def test_together_they_are_the_whole_corpora():
    together = {
        name: sum(map(sum, published_lengths(name).values())) for name in ("DHF1K", "UCFSports", "LEDOV")
    }
    assert together == {"DHF1K": 582_605, "UCFSports": 6_501 + 2_929, "LEDOV": 179_336}
    of_16_and_more = [n for n in published_lengths("Hollywood2")["test"] if n >= 16]
    assert (len(of_16_and_more), sum(of_16_and_more)) == (2_373, 236_154)


def test_of_an_unknown_corpus_nothing_is_known():
    assert published_lengths("Mine") == {}
