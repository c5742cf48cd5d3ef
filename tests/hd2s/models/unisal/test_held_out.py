"""The lists of UNISAL's release leave of the real corpora what its loaders were seen to read."""

import pytest

from datasets.loading.windows import eligible
from hd2s.models.registry import models
from manifests.folds import HeldOut, folded
from tests.manifests.real_corpora import real, source_video, training_clips

LISTS = {corpus: HeldOut(*each) for corpus, each in models()["unisal"].held_out.items()}


@pytest.mark.parametrize(
    ("corpus", "clips", "long"),
    [
        ("Hollywood2", {"train": 2190, "val": 270, "unlisted": 239}, {"train": 946, "val": 111}),
        ("UCFSports", {"train": 93, "val": 10, "unlisted": 0}, {"train": 82, "val": 7}),
    ],
)
def test_as_many_clips_as_the_release_reads(tmp_path, corpus, clips, long):
    """Of 48 frames and more 946 and 111, 82 and 7, as its registers were counted by running it."""
    found = folded(real(tmp_path, corpus), LISTS[corpus])
    assert {split: len(found.clips(split)) for split in clips} == clips
    assert {split: found.counts[split] for split in clips} == clips
    assert {split: len(eligible(found.clips(split), 48)[0]) for split in long} == long


def test_source_videos_are_named_as_in_the_corpora():
    for corpus, count in (("Hollywood2", 75), ("UCFSports", 10)):
        names = LISTS[corpus].validation
        assert len(set(names)) == len(names) == count
        assert {*names} <= {source_video(corpus, name) for name in training_clips(corpus)}
    sources = {source_video("Hollywood2", name) for name in training_clips("Hollywood2")}
    last = LISTS["Hollywood2"].last
    assert sum(name <= last for name in sources) == 700
    assert len(sources) == 747


def test_other_corpora_keep_their_own():
    assert {word: {*model.held_out} for word, model in models().items() if model.held_out} == {
        "unisal": {"Hollywood2", "UCFSports"}
    }
