"""A batch of photographs: one frame as often as a model's window asks for, or alone."""

import numpy as np
import pytest
import torch

from datasets.corpora.own_folder import FolderCorpus
from datasets.frame_store.store import FrameStore
from datasets.indexing.index import index
from datasets.loading.batches import training_batches, validation_batches
from datasets.loading.fixation_counts import fixation_counts
from datasets.loading.windows import WindowShape, eligible, validation_windows
from manifests import ProblemError
from tests.datasets.small_corpora import a_clip
from tests.datasets.small_photographs import FIXATED, HEIGHT, WIDTH, write_own

SIZE = (24, 32)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    for i in range(5):
        write_own(folder / "own", f"p{i}", 20 * i)
    manifest = index(FolderCorpus("Mine"), folder / "own", folder / "m")
    return FrameStore(folder / "store", manifest, SIZE), manifest.clips()


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    ("answers", "photograph", "lengths"),
    [
        (None, "repeated", (12, 1)),
        (range(12), "repeated", (12, 12)),
        (range(12), "alone", (1, 1)),
        (range(6, 7), "repeated", (12, 1)),
        (range(6, 7), "alone", (1, 1)),
        (None, "alone", (1, 1)),
    ],
)
def test_a_batch_shows_photographs_as_the_model_asks(corpus, answers, photograph, lengths, workers):
    frames, maps = lengths
    store, clips = corpus
    by_name = {clip.clip: clip for clip in clips}
    settings = {"T": 12, "step": 5, "answers": answers, "photograph": photograph, "fixations": "kept"}
    counts = fixation_counts([at for _, *at in FIXATED], (HEIGHT, WIDTH), SIZE, "kept")
    drawn = set()
    for batch in training_batches(*corpus, batch=4, seed=0, last_step=6, workers=workers, **settings):
        assert batch.clips.shape == (4, frames, *SIZE, 3)
        assert batch.maps.shape == batch.fixations.shape == (4, maps, *SIZE)
        for slot, key in enumerate(batch.keys):
            name, _, start = key.partition("@")
            drawn.add((name, start))
            (frame,), (truth,) = store.read_frames(by_name[name]), store.read_maps(by_name[name])
            assert all(np.array_equal(shown, frame) for shown in batch.clips[slot])
            assert all(np.array_equal(shown, truth) for shown in batch.maps[slot])
            assert all(np.array_equal(shown, counts) for shown in batch.fixations[slot])
    assert {start for _, start in drawn} == {"0", "0~"}
    assert {name for name, _ in drawn} == set(by_name)
    (validated,) = validation_batches(*corpus, batch=9, per_clip=3, **settings)
    assert sorted(validated.keys) == [f"p{i}@0" for i in range(5)]
    assert validated.clips.shape == (5, frames, *SIZE, 3)
    assert validated.maps.shape == validated.fixations.shape == (5, maps, *SIZE)


def test_shown_alone_or_repeated_the_same_photographs_are_drawn(corpus):
    def keys(photograph):
        batches = training_batches(*corpus, T=16, photograph=photograph, batch=4, seed=3, last_step=5)
        return [batch.keys for batch in batches]

    assert keys("alone") == keys("repeated")


def test_no_photograph_is_too_short_and_videos_still_are():
    clips = [a_clip(clip="still", media="image", n_frames=1), a_clip(clip="short", n_frames=15)]
    assert [clip.clip for clip in eligible(clips, 16)[0]] == ["still"]
    assert [window.clip_index for window in validation_windows(clips, 16, 4)] == [0]
    assert [WindowShape(16).fits(clip) for clip in clips] == [1, 0]


def test_photographs_that_stand_alone_share_no_corpus_with_videos():
    """Repeated they are windows like others."""
    clips = [a_clip(media="image", n_frames=1), a_clip(n_frames=15), a_clip(n_frames=99)]
    every = WindowShape(12, 5, range(12))
    assert every.showing(clips, "repeated") == every
    assert every.showing(clips[1:], "alone") == every
    assert every.showing(clips[:1], "alone") == WindowShape(1)
    with pytest.raises(ProblemError, match="photographs alone, or none, found 1 photograph among 3 clips"):
        every.showing(clips, "alone")


def test_nothing_of_another_photograph_stays_in_memory_that_is_used_again(corpus):
    fresh = training_batches(*corpus, T=8, batch=2, seed=1, last_step=12)
    again = training_batches(*corpus, T=8, batch=2, seed=1, last_step=12, workers=1)
    for one, other in zip(fresh, again, strict=True):
        assert torch.equal(one.clips, other.clips)
        del other
