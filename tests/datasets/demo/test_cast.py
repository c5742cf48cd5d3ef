"""Which clips the demo has: real names, lengths that fit, and draws that depend on names alone."""

from itertools import pairwise

import numpy as np
import pytest

from datasets.demo.cast import keyed_rng, takes
from datasets.demo.domains import DHF1K, DOMAINS, HOLLYWOOD2, LEDOV, UCF_SPORTS
from datasets.listing.published_lists import published_list


def test_training_clips_are_named_by_the_published_lists():
    names = {domain: {take.clip: take.split for take in takes(domain, seed=0)} for domain in DOMAINS}
    for domain, published in ((DHF1K, "DHF1K"), (HOLLYWOOD2, "Hollywood2"), (UCF_SPORTS, "UCF")):
        for split in ("train", "val"):
            cast = {clip for clip, own in names[domain].items() if own == split}
            assert cast
            assert cast <= set(published_list(f"{published}.{split}"))


def test_hollywood2_has_short_test_shots():
    lengths = sorted(take.n_frames for take in takes(HOLLYWOOD2, seed=0) if take.split == "test")
    assert lengths[0] == 1
    assert sum(length < 16 for length in lengths) / len(lengths) == pytest.approx(1 / 3)


@pytest.mark.parametrize("domain", [DHF1K, HOLLYWOOD2, UCF_SPORTS], ids=lambda domain: domain.word)
def test_evaluation_stays_affordable(domain):
    assert 60 <= sum(take.n_frames for take in takes(domain, seed=0) if take.split == "test") <= 90


def test_a_draw_depends_on_the_seed_and_the_names_alone():
    first = keyed_rng(0, "a", "b").uniform()
    keyed_rng(0, "a", "b").uniform(size=100)
    assert keyed_rng(0, "a", "b").uniform() == first
    keys = [(0, "a", "b"), (1, "a", "b"), (0, "b", "a"), (0, "ab")]
    assert len({keyed_rng(*key).uniform() for key in keys}) == 4


def test_shots_of_one_source_video_share_its_format_and_count_on():
    shots = [take for take in takes(HOLLYWOOD2, 0) if take.source_video == "actioncliptrain00725"]
    assert [take.clip.rpartition("_")[2] for take in shots] == ["6", "10", "11"]
    assert len({(take.width, take.height, take.frame_rate) for take in shots}) == 1
    assert shots[0].first_frame == 3
    for one, other in pairwise(shots):
        assert other.first_frame == one.first_frame + one.n_frames + 3


def test_lengths_are_those_said_or_within_the_domains():
    for domain in DOMAINS:
        low, high = domain.n_frames
        lengths = [take.n_frames for take in takes(domain, 0) if take.split in ("train", "val")]
        assert min(lengths) >= low
        assert max(lengths) <= high
    assert [take.n_frames for take in takes(LEDOV, 0) if take.split == "test"] == [30, 30, 30]


def test_another_seed_gives_other_lengths_and_the_same_clips():
    one, other = takes(DHF1K, 0), takes(DHF1K, 1)
    assert [take.clip for take in one] == [take.clip for take in other]
    assert not np.array_equal([take.n_frames for take in one], [take.n_frames for take in other])
