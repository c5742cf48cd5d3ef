"""Batches: the same for any number of loaders, ranks and restarts, and the windows they say they are."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from datasets.frame_store.store import FrameStore
from datasets.indexing.index import index
from datasets.loading.batches import all_maps, training_batches, validation_batches
from datasets.loading.fixation_counts import fixation_counts
from manifests import ProblemError
from tests.datasets.small_corpora import HEIGHT, WIDTH, points_of, write_dhf1k, write_png

SIZE = (24, 32)
T = 8


# Maps that are not their own mirror image, and tell the frame by their first pixel.
SHADED = [(10 + i + np.tile(np.arange(SIZE[1]), (SIZE[0], 1))).astype(np.uint8) for i in range(20)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A store and its clips, one of which is shorter than a window."""
    folder = tmp_path_factory.mktemp("loading")
    for number, n_frames in ((1, 20), (2, 5), (3, 12), (4, T)):
        write_dhf1k(folder / "DHF1K", number, n_frames)
        for i in range(n_frames):
            shaded = np.repeat(np.repeat(SHADED[i], HEIGHT // SIZE[0], axis=0), WIDTH // SIZE[1], axis=1)
            write_png(folder / "DHF1K" / "annotation" / f"{number:04d}" / "maps" / f"{i + 1:04d}.png", shaded)
    manifest = index("dhf1k", folder / "DHF1K", folder / "m")
    return FrameStore(folder / "store", manifest, SIZE), manifest.clips()


def batches(corpus, **changes):
    settings = {"T": T, "batch": 4, "seed": 5, "last_step": 6} | changes
    return list(training_batches(*corpus, **settings))


def assert_equal(some, others):
    for one, other in zip(some, others, strict=True):
        assert one.keys == other.keys
        assert torch.equal(one.flips, other.flips)
        assert torch.equal(one.clips, other.clips)
        assert torch.equal(one.maps, other.maps)


def test_batches_are_the_windows_they_name(corpus):
    """As loaded they are as they lie on disk; on the device, those that say so are mirrored."""
    store, clips = corpus
    by_name = {clip.clip: clip for clip in clips}
    flips = set()
    for batch in batches(corpus):
        assert (batch.clips.shape, batch.clips.dtype) == ((4, T, *SIZE, 3), torch.uint8)
        assert (batch.maps.shape, batch.maps.dtype) == ((4, 1, *SIZE), torch.uint8)
        assert batch.flips.tolist() == [key.endswith("~") for key in batch.keys]
        there = batch.to("cpu")
        assert not there.flips.any()
        assert there.keys == batch.keys
        for slot, key in enumerate(batch.keys):
            name, _, start = key.partition("@")
            start, flip = int(start.rstrip("~")), key.endswith("~")
            flips.add(flip)
            frames, target = store.read_frames(by_name[name], start, T), SHADED[start + T - 1]
            assert np.array_equal(batch.clips[slot].numpy(), frames)
            assert np.array_equal(batch.maps[slot, 0].numpy(), target)
            assert np.array_equal(there.clips[slot].numpy(), frames[:, :, ::-1] if flip else frames)
            assert np.array_equal(there.maps[slot, 0].numpy(), target[:, ::-1] if flip else target)
    assert flips == {True, False}


def test_what_is_drawn_is_pinned(corpus):
    """Results are compared in pairs: a training sees these windows for ever, and is validated on those."""
    assert [batch.keys for batch in batches(corpus, last_step=4)] == [
        ["0003@1~", "0003@2~", "0003@2~", "0001@11"],
        ["0001@6~", "0004@0~", "0004@0~", "0003@1~"],
        ["0001@4~", "0003@2~", "0003@4", "0004@0"],
        ["0001@7", "0004@0", "0004@0", "0003@4~"],
    ]
    validated = validation_batches(*corpus, T=T, batch=3, per_clip=2)
    assert [batch.keys for batch in validated] == [["0001@0", "0001@12", "0003@0"], ["0003@4", "0004@0"]]


def frames_of(key, length, step):
    """Return the clip and the frames that a key stands for, last of all whether they are mirrored."""
    name, _, start = key.partition("@")
    first = int(start.rstrip("~"))
    return name, [first + i * step for i in range(length)], key.endswith("~")


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("step", [1, 3])
def test_every_frame_of_a_window_may_be_answered_and_frames_be_left_out(corpus, step, workers):
    store, clips = corpus
    by_name = {clip.clip: clip for clip in clips}
    seen = set()
    for batch in batches(corpus, T=4, step=step, answers=range(4), workers=workers):
        assert (batch.clips.shape, batch.maps.shape) == ((4, 4, *SIZE, 3), (4, 4, *SIZE))
        there = batch.to("cpu")
        for slot, key in enumerate(batch.keys):
            name, frames, flip = frames_of(key, 4, step)
            seen.add(name)
            for place, frame in enumerate(frames):
                image, target = store.read_frames(by_name[name], frame, 1)[0], SHADED[frame]
                assert np.array_equal(batch.clips[slot, place].numpy(), image)
                assert np.array_equal(batch.maps[slot, place].numpy(), target)
                assert np.array_equal(there.clips[slot, place].numpy(), image[:, ::-1] if flip else image)
                assert np.array_equal(there.maps[slot, place].numpy(), target[:, ::-1] if flip else target)
    # A window of 4 frames, 3 apart, needs 10: the clips of 5 and of 8 frames have none.
    assert seen == ({"0001", "0003"} if step == 3 else {"0001", "0002", "0003", "0004"})


def test_the_last_frame_alone_is_answered_with_a_step_too(corpus):
    for batch in batches(corpus, T=4, step=3):
        assert batch.maps.shape == (4, 1, *SIZE)
        lasts = [frames_of(key, 4, 3)[1][-1] for key in batch.keys]
        assert batch.maps[:, 0, 0, 0].tolist() == [SHADED[last][0, 0] for last in lasts]


def test_a_frame_in_the_middle_may_be_answered(corpus):
    for batch in batches(corpus, T=4, step=3, answers=range(2, 3)):
        assert batch.maps.shape == (4, 1, *SIZE)
        answered = [frames_of(key, 4, 3)[1][2] for key in batch.keys]
        assert batch.maps[:, 0, 0, 0].tolist() == [SHADED[frame][0, 0] for frame in answered]


def test_validation_windows_have_a_step_and_answers(corpus):
    (batch,) = validation_batches(*corpus, T=4, step=4, answers=range(4), batch=9, per_clip=2)
    assert batch.keys == ["0001@0", "0001@7"]
    assert batch.maps[:, :, 0, 0].tolist() == [[10, 14, 18, 22], [17, 21, 25, 29]]


def test_too_short_for_the_step_is_told_with_the_frames_needed(corpus):
    with pytest.raises(ProblemError, match="one of at least 21 frames, found 4 clips, the longest of 20"):
        batches(corpus, T=5, step=5)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(("step", "answers"), [(1, None), (3, range(2, 3)), (3, range(4))])
def test_a_batch_brings_the_fixations_of_its_answered_frames_if_asked_for(corpus, step, answers, workers):
    settings = {"T": 4, "step": step, "answers": answers, "workers": workers}
    plain = batches(corpus, **settings)
    assert all(batch.fixations is None for batch in plain)
    asked = batches(corpus, fixations="kept", **settings)
    assert_equal(asked, plain)
    for batch in asked:
        assert (batch.fixations.shape, batch.fixations.dtype) == (batch.maps.shape, torch.uint8)
        there = batch.to("cpu")
        for slot, key in enumerate(batch.keys):
            _, frames, flip = frames_of(key, 4, step)
            for counts, mirrored, frame in zip(
                batch.fixations[slot],
                there.fixations[slot],
                [frames[i] for i in answers or range(3, 4)],
                strict=True,
            ):
                expected = fixation_counts(points_of(frame), (HEIGHT, WIDTH), SIZE, "kept")
                assert np.array_equal(counts, expected)
                assert np.array_equal(mirrored, expected[:, ::-1] if flip else expected)


def test_validation_brings_fixations_too_and_an_unlabelled_corpus_none(corpus):
    (batch,) = validation_batches(*corpus, T=4, step=4, batch=9, per_clip=2, fixations="kept")
    assert batch.keys == ["0001@0", "0001@7"]
    expected = [fixation_counts(points_of(frame), (HEIGHT, WIDTH), SIZE, "kept") for frame in (12, 19)]
    assert np.array_equal(batch.fixations[:, 0], expected)
    assert all(batch.fixations is None for batch in batches(corpus, labelled=False, fixations="kept"))


@pytest.mark.parametrize("batch", [1, 7, 37, 100])
def test_all_maps_come_once_in_order(corpus, batch):
    store, clips = corpus
    clips = [clips[2], clips[0], clips[1]]
    found = list(all_maps(store, clips, batch))
    expected = [SHADED[i] for clip in clips for i in range(clip.n_frames)]
    assert [len(maps) for maps in found] == [len(expected[i : i + batch]) for i in range(0, 37, batch)]
    assert found[0].dtype == torch.uint8
    assert np.array_equal(torch.cat(found).numpy(), np.stack(expected))


def test_all_maps_are_the_same_without_room_and_read_no_frame(corpus, tmp_path):
    store, clips = corpus
    nowhere = FrameStore(tmp_path / "nowhere", store.manifest, SIZE, limit=1000)
    for one, other in zip(all_maps(nowhere, clips, 16), all_maps(store, clips, 16), strict=True):
        assert torch.equal(one, other)
    roomy = FrameStore(tmp_path / "roomy", store.manifest, SIZE)
    assert sum(len(maps) for maps in all_maps(roomy, clips, 16)) == 45
    assert {path.suffix for path in (tmp_path / "roomy").glob("DHF1K*/*")} == {".maps"}


def test_maps_are_read_as_they_are_asked_for(corpus, tmp_path):
    """No more is in memory than a batch: what lies behind it may not even be readable."""
    store, (clip, *_) = corpus
    maps = all_maps(FrameStore(tmp_path, store.manifest, SIZE), [clip, replace(clip, n_frames=21)], 8)
    assert [len(next(maps)), len(next(maps))] == [8, 8]
    with pytest.raises(ProblemError, match="DHF1K/0001"):
        next(maps)


def test_all_maps_of_no_clip_are_none_and_none_at_a_time_is_refused(corpus):
    assert list(all_maps(corpus[0], [], 4)) == []
    with pytest.raises(ValueError, match="expected 1 map or more at a time, found 0"):
        next(all_maps(*corpus, 0))


@pytest.mark.parametrize("workers", [1, 2])
def test_loader_processes_change_nothing(corpus, workers):
    """Kept or let go: kept ones are more than there is shared memory for."""
    kept = batches(corpus, workers=workers, last_step=20)
    assert_equal(kept, batches(corpus, last_step=20))
    settings = {"T": T, "batch": 4, "seed": 5, "last_step": 20, "workers": workers}
    for batch, expected in zip(training_batches(*corpus, **settings), kept, strict=True):
        assert_equal([batch.to("cpu")], [expected.to("cpu")])
        del batch


def test_memory_is_not_used_again_while_any_part_of_its_batch_is_held(corpus):
    kept, expected = [], [batch.clips[1].clone() for batch in batches(corpus, last_step=20)]
    settings = {"T": T, "batch": 4, "seed": 5, "last_step": 20, "workers": 2}
    for step, batch in enumerate(training_batches(*corpus, **settings)):
        if step % 3 == 0:
            kept.append((batch.clips[1], expected[step]))
        del batch
    assert all(torch.equal(one, other) for one, other in kept)


def test_a_clip_that_changed_is_named_whoever_loads_it(tmp_path):
    write_dhf1k(tmp_path / "DHF1K", 1, 20)
    manifest = index("dhf1k", tmp_path / "DHF1K", tmp_path / "m")
    write_dhf1k(tmp_path / "DHF1K", 1, 18)
    for workers in (0, 1):
        broken = FrameStore(tmp_path / "store", manifest, SIZE), manifest.clips()
        with pytest.raises(ProblemError, match=r"DHF1K/0001 .*expected 20 frames, as indexed, found 18"):
            batches(broken, workers=workers)


def test_without_room_the_batches_are_the_same(corpus, tmp_path):
    store, clips = corpus
    nowhere = FrameStore(tmp_path, store.manifest, SIZE, limit=1000)
    assert_equal(batches((nowhere, clips), workers=1), batches(corpus))
    assert not list(tmp_path.glob("DHF1K*/*"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="pages are pinned for a GPU")
def test_batches_reach_a_gpu_mirrored(corpus):
    for one, other in zip(batches(corpus, workers=2, pin=True), batches(corpus), strict=True):
        assert one.clips.is_pinned()
        there, here = one.to("cuda"), other.to("cpu")
        assert torch.equal(there.clips.cpu(), here.clips)
        assert torch.equal(there.maps.cpu(), here.maps)


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
    assert batch.maps[:, 0, 0, 0].tolist() == [10 + T - 1, 16 + T - 1, 22 + T - 1]
