"""Batches: the same for any number of loaders, ranks and restarts, and the windows they say they are."""

import numpy as np
import pytest
import torch
from small_corpora import write_dhf1k

from datasets.frame_store import FrameStore
from datasets.index import index
from datasets.loading import training_batches, validation_batches
from manifests import ProblemError

SIZE = (24, 32)
T = 8


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A store and its clips, one of which is shorter than a window."""
    folder = tmp_path_factory.mktemp("loading")
    for number, n_frames in ((1, 20), (2, 5), (3, 12), (4, T)):
        write_dhf1k(folder / "DHF1K", number, n_frames)
    manifest = index("dhf1k", folder / "DHF1K", folder / "m")
    return FrameStore(folder / "store", manifest, SIZE), manifest.clips()


def batches(corpus, **changes):
    settings = {"T": T, "batch": 4, "seed": 5, "last_step": 6} | changes
    return list(training_batches(*corpus, **settings))


def assert_equal(some, others):
    for one, other in zip(some, others, strict=True):
        assert one.keys == other.keys
        assert torch.equal(one.clips, other.clips)
        assert torch.equal(one.maps, other.maps)


def test_batches_are_the_windows_they_name(corpus):
    store, clips = corpus
    by_name = {clip.clip: clip for clip in clips}
    flips = set()
    for batch in batches(corpus):
        assert (batch.clips.shape, batch.clips.dtype) == ((4, T, *SIZE, 3), torch.uint8)
        assert (batch.maps.shape, batch.maps.dtype) == ((4, *SIZE), torch.uint8)
        for frames, saliency, key in zip(batch.clips.numpy(), batch.maps.numpy(), batch.keys, strict=True):
            name, _, start = key.partition("@")
            start, flip = int(start.rstrip("~")), key.endswith("~")
            flips.add(flip)
            expected = store.frames(by_name[name])[start : start + T]
            assert np.array_equal(frames, expected[:, :, ::-1] if flip else expected)
            target = store.maps(by_name[name])[start + T - 1]
            assert np.array_equal(saliency, target[:, ::-1] if flip else target)
            assert saliency[0, 0] == 10 + start + T - 1  # the last frame's map, by its value
    assert flips == {True, False}


def test_loader_processes_change_nothing(corpus):
    assert_equal(batches(corpus, workers=2), batches(corpus))


def test_resuming_needs_no_replay(corpus):
    assert_equal(batches(corpus, first_step=4), batches(corpus)[4:])
    assert batches(corpus, first_step=6) == []


def test_ranks_share_the_global_batch(corpus):
    whole = batches(corpus, batch=6)
    ranks = [batches(corpus, batch=2, rank=r, world_size=3) for r in range(3)]
    for step, together in enumerate(whole):
        assert together.keys == [key for rank in ranks for key in rank[step].keys]
        assert torch.equal(together.clips, torch.cat([rank[step].clips for rank in ranks]))
        assert torch.equal(together.maps, torch.cat([rank[step].maps for rank in ranks]))


def test_short_clips_are_never_drawn(corpus):
    drawn = {key.partition("@")[0] for batch in batches(corpus, last_step=30) for key in batch.keys}
    assert drawn == {"0001", "0003", "0004"}
    with pytest.raises(ProblemError, match="one of at least 21 frames, found 4 clips, the longest of 20"):
        batches(corpus, T=21)


def test_an_unlabelled_corpus_gives_no_maps(corpus):
    unlabelled = batches(corpus, labelled=False)
    assert all(batch.maps is None for batch in unlabelled)
    for one, other in zip(unlabelled, batches(corpus), strict=True):
        assert torch.equal(one.clips, other.clips)


def test_validation_covers_each_window_once(corpus):
    def keys(**changes):
        settings = {"T": T, "batch": 3, "per_clip": 3} | changes
        return [batch.keys for batch in validation_batches(*corpus, **settings)]

    assert keys() == [["0001@0", "0001@6", "0001@12"], ["0003@0", "0003@2", "0003@4"], ["0004@0"]]
    shares = [key for rank in range(2) for batch in keys(rank=rank, world_size=2) for key in batch]
    assert sorted(shares) == sorted(key for batch in keys() for key in batch)
    batch = next(iter(validation_batches(*corpus, T=T, batch=3, per_clip=3)))
    assert batch.maps[:, 0, 0].tolist() == [10 + T - 1, 16 + T - 1, 22 + T - 1]
