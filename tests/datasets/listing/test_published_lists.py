"""The lists published with HD2S, and the splits that they make."""

from datasets.corpora.registry import available, get
from datasets.corpus import Entry
from datasets.listing.layouts import Place
from datasets.listing.published_lists import published_list, split_by_lists, unlisted


def test_the_published_splits_add_up():
    sizes = {name: len(published_list(name)) for name in ("DHF1K.train", "DHF1K.val", "UCF.train", "UCF.val")}
    assert sizes == {"DHF1K.train": 540, "DHF1K.val": 60, "UCF.train": 93, "UCF.val": 10}
    assert len(published_list("Hollywood2.train")) == 1714
    assert len(published_list("Hollywood2.val")) == 190
    assert {word: sum(get(word).published.values()) for word in available()} == {
        "dhf1k": 1000,
        "hollywood2": 1714 + 190 + 3558,
        "ledov": 538,
        "mit1003": 1003,
        "mit300": 300,
        "salicon": 20_000,
        "salicon2015": 20_000,
        "ucf_sports": 150,
    }


def test_lists_of_one_corpus_have_no_clip_in_common():
    for corpus in ("DHF1K", "Hollywood2", "UCF"):
        assert not published_list(f"{corpus}.train") & published_list(f"{corpus}.val")


def entry(clip, split=""):
    return Entry(clip, split, clip, "frames", clip)


def test_testing_clips_need_no_list():
    held = min(published_list("Hollywood2.val"))
    assert split_by_lists(Place(entry(held), "training"), "Hollywood2") == "val"
    assert split_by_lists(Place(entry(held), "testing"), "Hollywood2") == "test"
    assert split_by_lists(Place(entry("actioncliptest00001_1"), "training"), "Hollywood2") == "unlisted"


def test_clips_in_no_split_are_one_finding():
    entries = [entry(str(n), "unlisted") for n in range(7)] + [entry("x", "train")]
    (finding,) = unlisted(entries, "warning", "See.")
    assert (finding.level, finding.kind, finding.remedy) == ("warning", "unlisted", "See.")
    assert finding.found == "7 in none: 0, 1, 2, 3, 4 …"
    assert unlisted([entry("x", "train")], "warning", "See.") == []
