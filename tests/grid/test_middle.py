"""A model in one file that answers the middle frame of its window, from its maps to its scores."""

from pathlib import Path

import numpy as np
import pytest
import torch

from datasets.corpora.saliency_maps import read_map
from datasets.loading.scored_split import ScoredSplit
from datasets.reading.video import read_frames
from datasets.resizing import DEFAULT_RESIZING
from grid.commands.cost import estimate
from grid.commands.counting import count, require_answer_of
from grid.commands.devices import processor
from grid.commands.operations import asked_of
from grid.evaluation.evaluate import evaluate_part
from grid.training.feed import Feed
from grid.training.loop import fit
from hd2s import build_model
from hd2s.losses import kld
from hd2s.metrics.benchmark import score_frame
from hd2s.prediction.measuring import measure
from hd2s.prediction.open_checkpoint import open_checkpoint
from hd2s.prediction.served import _load_pyfunc, describe
from tests.grid.grids import Context, evaluation_job_of, job_of, prepare_small, with_train
from tests.places import REPOSITORY
from tests.plugged import for_a_while

PLUGIN = REPOSITORY / "tests" / "plugins" / "around"
SIZE = (24, 32)
SETTINGS = (f"plugins=[{PLUGIN}]", "model=middle", "train.validation_windows=null", "test.eight_bit=false")
SETTINGS += ("train.iterations=1", "train.validate_every=1", "train.lr=0.1")
ONE_APPROACH = {"approaches": "generalization"}
EVEN = ("model.clip_length=4", "model.step=2")


@pytest.fixture(autouse=True)
def plugged():
    with for_a_while():
        yield


def expected_of(weights, frames):
    """What a frame's colours, (N, H, W, 3), come to: (N, H, W)."""
    colours = {name: value.numpy().ravel() for name, value in weights.items()}
    sums = (2.0 * frames - 255) / 255 @ colours["colours.weight"] + colours["colours.bias"]
    return np.logaddexp(0, sums)


def read(manifest, clip):
    return read_frames(manifest.root, clip, SIZE, resizing=DEFAULT_RESIZING)


@pytest.mark.parametrize("more", [(), EVEN])
@pytest.mark.parametrize("source", ["DHF1K", "SALICON"])
def test_it_is_trained_by_the_map_of_that_frame(small_demo, source, more):
    job = job_of(
        prepare_small(small_demo, *SETTINGS, *more, sources=source, **ONE_APPROACH), "generalization"
    )
    model = build_model(job.spec.model.name, seed=0, **job.spec.model.options)
    window, manifest = model.config.input, job.manifests[source].open()
    feed = Feed(with_train(job, iterations=4, validation_windows=2), model, torch.device("cpu"), 0)
    clips = {clip.clip: clip for split in ("train", "val") for clip in manifest.clips(split)}
    batches = [batch for labelled, _ in feed.micro_batches(0) for batch in labelled]
    for batch in [*batches, *feed.validation(source, 0)]:
        assert (batch.clips.shape[2], batch.truth.shape[1:]) == (window.frames, (1, *SIZE))
        for key, truth in zip(batch.keys, batch.truth, strict=True):
            name, _, start = key.rpartition("/")[2].partition("@")
            answered = 0 if source == "SALICON" else int(start.rstrip("~")) + window.frames // 2 * window.step
            whole = read_map(manifest.root, clips[name], answered, SIZE)
            whole = whole[:, ::-1] if start.endswith("~") else whole
            np.testing.assert_array_equal((255 * truth[0]).round(), whole)


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), EVEN, ("model.photograph=alone",)])
@pytest.mark.parametrize(("source", "target"), [("DHF1K", "Hollywood2"), ("SALICON", "MIT1003")])
def test_every_frame_of_a_clip_is_validated_and_scored_by_its_own_map(small_demo, source, target, more):
    """At both ends too, and in clips of a single frame."""
    grid = prepare_small(small_demo, *SETTINGS, *more, sources=source, targets=target, **ONE_APPROACH)
    job, tested = job_of(grid, "generalization"), evaluation_job_of(grid, "generalization")
    summary = fit(job, Context())
    model = open_checkpoint(job.weights)
    weights, before = model.state_dict(), build_model("middle", seed=job.spec.seed).state_dict()
    assert not torch.equal(weights["colours.weight"], before["colours.weight"]), "it has learnt"

    manifest, means = job.manifests[source].open(), []
    for clip in manifest.clips("val"):
        maps = torch.from_numpy(expected_of(weights, read(manifest, clip)))
        truth = np.stack([read_map(manifest.root, clip, i, SIZE) for i in range(clip.n_frames)])
        means.append(kld(maps, torch.from_numpy(truth / 255)).mean().item())
    assert summary["best_kld"] == pytest.approx(np.mean(means), abs=1e-5)

    rows = evaluate_part(tested, 0).frames.to_pylist()
    split = ScoredSplit.open(tested.manifest.folder, "test", tested.manifest.root)
    maps = {name: expected_of(weights, read(split.manifest, split.clips[name])) for name in tested.parts[0]}
    assert {name: len(of) for name, of in maps.items()} == {name: tested.expected[name] for name in maps}
    assert 1 in map(len, maps.values())
    for row in rows:
        frame = split.frame(row["clip"], row["frame"])
        prediction = maps[row["clip"]][row["frame"]].astype(np.float32)
        found = score_frame(prediction, frame.truth, frame.points, frame.pool, frame.key, eight_bit=False)
        assert [row[name] for name in ("NSS", "CC", "SIM")] == pytest.approx(
            [found[name] for name in ("NSS", "CC", "SIM")], abs=1e-3, nan_ok=True
        )
    assert len(rows) == sum(map(len, maps.values()))

    describe(small_demo / "served", Path(job.weights), {"batch": 3}, copy=False)
    clip = read(split.manifest, split.clips[min(tested.parts[0], key=tested.expected.get)])
    served = _load_pyfunc(str(small_demo / "served")).predict(clip)
    np.testing.assert_allclose(served, expected_of(weights, clip), atol=1e-5)


def test_what_it_costs_is_counted_and_measured(small_demo):
    grid = prepare_small(small_demo, *SETTINGS, **ONE_APPROACH)
    (training,) = grid.plan.trainings.values()
    asked = asked_of(training)
    require_answer_of(asked)
    a_frame = 2 * 3 * SIZE[0] * SIZE[1]
    assert (count(asked).forward, count(asked).frame) == (a_frame, a_frame)
    assert estimate(grid, processor()).trainings[training.id].clips > 0
    cost = measure(build_model("middle", seed=0), seconds=0.01)
    assert (cost.window_operations, cost.frame_operations, cost.single > 0) == (a_frame, a_frame, True)
