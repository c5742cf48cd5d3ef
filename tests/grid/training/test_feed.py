"""What a training reads: whose clips, in which turn, and where an interrupted one goes on."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from datasets.corpora.saliency_maps import read_map
from datasets.loading.fixation_counts import fixation_counts
from datasets.reading.video import iter_frames, read_frames
from datasets.resizing import DEFAULT_RESIZING, resize
from grid.training import feed
from grid.training.feed import Feed
from grid.training.loop import fit
from hd2s import build_model
from hd2s.approaches.registry import APPROACHES, approaches
from hd2s.models.hd2s.config import HD2SConfig
from tests.grid.grids import TINY, Context, job_of, prepare_small, with_train


def feed_of(job, rank=0):
    model = build_model(job.spec.model.name, **job.spec.model.options)
    return Feed(job, model, torch.device("cpu"), rank)


@pytest.mark.slow
def test_models_with_and_without_gradient_reversal_see_the_same_source_clips(small_demo, monkeypatch, few):
    seen = {}
    original = feed.training_batches

    def recorded(store, clips, **options):
        for batch in original(store, clips, **options):
            seen.setdefault((approach, store.manifest.corpus), []).append(batch.keys)
            yield batch

    monkeypatch.setattr(feed, "training_batches", recorded)
    grid = prepare_small(small_demo, *few)
    for approach in ("generalization", "adaptation"):
        fit(job_of(grid, approach), Context())
    assert seen["generalization", "DHF1K"] == seen["adaptation", "DHF1K"]
    assert len(seen["adaptation", "UCFSports"]) == 4


POOLED = {
    "sources": "DHF1K, UCFSports, Hollywood2",
    "targets": None,
    "approaches": "multi-source, domain-specific",
}


@pytest.mark.slow
def test_pooled_sources_take_turns(small_demo, monkeypatch, few):
    turns, original = [], feed.take_turns

    def recorded(*arguments):
        for labelled, unlabelled in original(*arguments):
            turns.append(labelled[0].keys[0].partition("/")[0])
            yield labelled, unlabelled

    monkeypatch.setattr(feed, "take_turns", recorded)
    fit(job_of(prepare_small(small_demo, *few, **POOLED), "multi-source"), Context())
    assert turns == ["DHF1K", "UCFSports", "Hollywood2", "DHF1K"]


@pytest.mark.slow
@pytest.mark.parametrize("approach", ["generalization", "adaptation"])
def test_the_released_protocol_validates_on_a_fresh_half_but_for_adaptation(small_demo, approach):
    job = job_of(prepare_small(small_demo, *TINY, "train.protocol=released"), approach)
    reading = feed_of(job)
    clips = [
        {key.partition("@")[0] for batch in reading.validation("DHF1K", step) for key in batch.keys}
        for step in range(8)
    ]
    everything = {
        f"DHF1K/{clip.clip}"
        for clip in reading._long_enough(reading._store("DHF1K", DEFAULT_RESIZING), "val")
    }
    if approach == "adaptation":
        assert all(drawn == everything for drawn in clips)
    else:
        assert {len(drawn) for drawn in clips} == {(len(everything) + 1) // 2}
        assert set.union(*clips) == everything


@pytest.mark.slow
def test_the_released_protocol_trains_and_validates_on_pixels_of_its_own_rules(small_demo):
    job = job_of(prepare_small(small_demo, *TINY, "train.protocol=released"), "generalization")
    assert {(read.split, read.resizing) for read, _ in job.reads} == {
        ("train", "opencv-bilinear"),
        ("val", "opencv-bicubic"),
    }
    reading = feed_of(job)
    ((batch,),) = drawn(reading, 0, 1)
    name, _, start = batch.keys[0].removeprefix("DHF1K/").rstrip("~").partition("@")
    manifest = reading.job.manifests["DHF1K"].open()
    clip = next(clip for clip in manifest.clips("train") if clip.clip == name)
    native = read_frames(manifest.root, clip, start=int(start), count=8)
    expected = np.stack([resize(frame, (32, 32), "opencv-bilinear") for frame in native])
    expected = expected[:, :, ::-1] if batch.keys[0].endswith("~") else expected
    shown = ((batch.clips[0].permute(1, 2, 3, 0) * 255 + 255) / 2).round()
    np.testing.assert_array_equal(shown, expected)

    whole = next(reading.validation_clips("DHF1K", 0))
    frames = list(iter_frames(manifest.root, whole.clip))
    found = np.stack(list(whole.frames()))
    np.testing.assert_array_equal(found, [resize(frame, (32, 32), "opencv-bicubic") for frame in frames])
    truth = read_map(manifest.root, whole.clip, 3, (32, 32), resizing="opencv-bicubic")
    np.testing.assert_array_equal(list(whole.maps())[3] * 255, truth)


@pytest.mark.slow
def test_a_released_adaptation_sees_also_what_its_target_holds_out(small_demo):
    grids = [prepare_small(small_demo, *TINY, f"train.protocol={word}") for word in ("paper", "released")]
    paper, released = (job_of(grid, "adaptation") for grid in grids)
    seen = [{(r.corpus, r.split) for r, maps in job.reads if not maps} for job in (paper, released)]
    assert seen == [{("UCFSports", "train")}, {("UCFSports", "train"), ("UCFSports", "val")}]
    split = {clip.clip: clip.split for clip in released.manifests["UCFSports"].open().clips()}
    reading = feed_of(with_train(released, iterations=20))
    batches = [target for _, target in drawn(reading, 0, 20 * released.spec.train.accumulate)]
    clips = {key.removeprefix("UCFSports/").partition("@")[0] for batch in batches for key in batch.keys}
    assert {split[clip] for clip in clips} == {"train", "val"}
    assert all(batch.maps is None for batch in batches)


def drawn(feed, done, count):
    """The next micro-batches: clips and maps of both kinds, with their keys."""
    batches = feed.micro_batches(done)
    return [tuple(batch for side in next(batches) for batch in side) for _ in range(count)]


def assert_same(found, expected):
    assert [[batch.keys for batch in both] for both in found] == [
        [batch.keys for batch in both] for both in expected
    ]
    for one, other in zip(sum(found, ()), sum(expected, ()), strict=True):
        assert torch.equal(one.clips, other.clips)
        assert (one.maps is None) == (other.maps is None)
        assert one.maps is None or torch.equal(one.maps, other.maps)


@pytest.mark.parametrize(("approach", "more"), [("adaptation", {}), ("multi-source", POOLED)])
def test_a_feed_goes_on_where_an_interrupted_one_was(small_demo, approach, more, few):
    job = job_of(prepare_small(small_demo, *few, **more), approach)
    undisturbed = drawn(feed_of(job), 0, 4)
    assert_same(drawn(feed_of(job), 3, 1), undisturbed[3:])
    assert len({str(batch.keys) for both in undisturbed for batch in both}) == sum(map(len, undisturbed))


def test_batches_are_as_the_model_takes_them_and_a_target_has_no_maps(small_demo):
    job = job_of(prepare_small(small_demo, *TINY), "adaptation")
    ((source, target),) = drawn(feed_of(job), 0, 1)
    assert source.clips.shape == target.clips.shape == (2, 3, 8, 32, 32)
    assert -1 <= source.clips.min() < 0 < source.clips.max() <= 1
    assert source.maps.shape == (2, 1, 32, 32)
    assert 0 <= source.maps.min() < source.maps.max() <= 1
    assert target.maps is None
    assert {key.partition("/")[0] for key in source.keys} == {"DHF1K"}
    assert {key.partition("/")[0] for key in target.keys} == {"UCFSports"}


def test_windows_are_mirrored_only_where_that_is_asked_for(small_demo):
    mirrored, plain = (
        [key for both in drawn(feed_of(job_of(prepared, "adaptation")), 0, 4) for b in both for key in b.keys]
        for prepared in (prepare_small(small_demo, *TINY, *more) for more in ((), ("train.mirrored=false",)))
    )
    assert any(key.endswith("~") for key in mirrored)
    assert plain == [key.rstrip("~") for key in mirrored]


def test_in_passes_each_clip_is_taken_once_and_an_interrupted_feed_goes_on(small_demo):
    """Each of several sources has passes of its own, whoever's turns lie between."""
    settings = "train.sampling=passes", "train.accumulate=3", "train.iterations=40"
    job = job_of(prepare_small(small_demo, *TINY, *settings, **POOLED), "multi-source")
    found = [batch for (batch,) in drawn(feed_of(job), 0, 72)]
    for corpus in {batch.source for batch in found}:
        clips = {clip.clip for clip in job.manifests[corpus].open().clips("train") if clip.n_frames >= 8}
        own = [key.partition("/")[2].partition("@")[0] for b in found if b.source == corpus for key in b.keys]
        n = len(clips) // 2 * 2  # in micro-batches of 2
        assert len(own) >= 2 * n > 2
        assert [len(clips.intersection(each)) for each in (own[:n], own[n : 2 * n])] == [n, n]
    assert [b.keys for (b,) in drawn(feed_of(job), 9, 3)] == [b.keys for b in found[27:30]]


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "needing"), [("kept", "model"), ("nearest", "approach")])
def test_who_needs_fixations_is_brought_them_and_no_other(small_demo, monkeypatch, rule, needing):
    job = job_of(prepare_small(small_demo, *TINY, f"train.fixations={rule}"), "adaptation")
    ((source, target),) = drawn(feed_of(job), 0, 1)
    assert (source.fixations, target.fixations) == (None, None)
    if needing == "model":
        monkeypatch.setattr(HD2SConfig, "needs_fixations", True)
    else:
        own = replace(approaches()["adaptation"], word="by_points", title="By points", needs_fixations=True)
        monkeypatch.setitem(APPROACHES.plugged_in, "by_points", own)
        given = prepare_small(small_demo, *TINY, f"train.fixations={rule}", approaches="by_points")
        job = job_of(given, "by_points")
    ((source, target),) = drawn(feed_of(job), 0, 1)
    assert target.fixations is None
    assert (source.fixations.shape, source.fixations.dtype) == ((2, 1, 32, 32), torch.float32)
    manifest = job.manifests["DHF1K"].open()
    found, clips = manifest.fixations("train"), {clip.clip: clip for clip in manifest.clips("train")}
    for key, counts in zip(source.keys, source.fixations[:, 0], strict=True):
        name, _, start = key.partition("/")[2].partition("@")
        points = found.frame(name, int(start.rstrip("~")) + 7)
        expected = fixation_counts(points, (clips[name].height, clips[name].width), (32, 32), rule)
        np.testing.assert_array_equal(counts, expected[:, ::-1] if key.endswith("~") else expected)
    assert source.fixations.any()
    assert next(feed_of(job).validation("DHF1K", 0)).fixations.any()


@pytest.mark.slow
def test_workers_share_the_validation_windows_out(small_demo, few):
    job = with_train(job_of(prepare_small(small_demo, *few), "generalization"), world_size=2)
    shares = [
        [key for batch in feed_of(job, rank).validation("DHF1K", 0) for key in batch.keys]
        for rank in range(2)
    ]
    alone = feed_of(with_train(job, world_size=1)).validation("DHF1K", 0)
    assert sorted(shares[0] + shares[1]) == sorted(key for batch in alone for key in batch.keys)
    assert all(shares)


def test_workers_share_whole_validation_clips_out(small_demo, few):
    job = with_train(job_of(prepare_small(small_demo, *few), "generalization"), world_size=2)
    found = [[clip.clip for clip in feed_of(job, rank).validation_clips("DHF1K", 0)] for rank in range(2)]
    alone = list(feed_of(with_train(job, world_size=1)).validation_clips("DHF1K", 0))
    assert sorted(c.clip for share in found for c in share) == sorted(each.clip.clip for each in alone)
    frames, maps = list(alone[0].frames()), list(alone[0].maps())
    assert len(frames) == len(maps) == alone[0].clip.n_frames
    np.testing.assert_array_equal(np.stack(frames), alone[0].store.read_frames(alone[0].clip))
    np.testing.assert_array_equal(torch.stack(maps) * 255, alone[0].store.read_maps(alone[0].clip))


def test_every_map_of_the_sources_training_clips_comes_once(small_demo):
    """As they lie in the corpus, but for their size."""
    grid = prepare_small(small_demo, "model=centre_prior", "model.height=36", "model.width=64")
    (training,) = grid.plan.trainings.values()
    found = torch.cat(list(feed_of(job_of(grid, "untrained")).maps()))
    manifest = grid.manifests["DHF1K"]
    clips = manifest.clips("train")
    assert training.sources == ("DHF1K",)
    assert found.shape == (sum(clip.n_frames for clip in clips), 36, 64)
    assert found.dtype == torch.uint8
    first = read_map(manifest.root, clips[0], 0)
    there, here = (np.argwhere(a == a.max()).mean(0) / a.shape for a in (first, found[0].numpy()))
    assert here == pytest.approx(there, abs=0.05)


def test_epochs_count_all_sources_clips_and_go_on_where_they_were(small_demo, few):
    """As many batches of each source as its clips fill, in a drawn order that a stop does not change."""
    job = job_of(prepare_small(small_demo, *few, "train.epochs=2", **POOLED), "multi-source")
    spec, reading = job.spec, feed_of(job)
    counts = [
        len(reading._long_enough(reading._store(entry.corpus, DEFAULT_RESIZING), "train")) // 2
        for entry in spec.labelled
    ]
    assert spec.shares == tuple(counts)
    assert (spec.train.iterations, spec.train.lr_period, spec.train.validate_every) == (
        2 * sum(counts),
        sum(counts),
        sum(counts),
    )
    undisturbed = drawn(reading, 0, sum(counts))
    corpora = [both[0].keys[0].partition("/")[0] for both in undisturbed]
    assert [corpora.count(entry.corpus) for entry in spec.labelled] == counts
    assert_same(drawn(feed_of(job), 3, 1), undisturbed[3:4])
