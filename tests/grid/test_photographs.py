"""Photographs in a grid: trained on, adapted to and tested on as any corpus, by a model of windows."""

import numpy as np
import pytest
import torch

from datasets.corpora.saliency_maps import read_map
from grid.commands.cost import estimate
from grid.commands.devices import named
from grid.commands.operations import costs_of
from grid.evaluation.evaluate import evaluate_part
from grid.planning.prepare import prepare
from grid.running.jobs import evaluation_job
from grid.training.feed import Feed
from grid.training.loop import fit
from hd2s import build_model
from manifests.problem import ProblemError
from tests.grid.grids import ONE, SHORT, TINY, Context, job_of

SPEC = """
name: stills
title: From photographs to videos
metrics: [NSS, CC]
sources: [{source}]
targets: [{target}]
tests: [{tests}]
approaches: [adaptation]
"""


def grid_of(out, source="SALICON", target="UCFSports", tests="source, MIT1003", *, sizes=TINY, more=()):
    path = out / "stills.yaml"
    path.write_text(SPEC.format(source=source, target=target, tests=tests))
    return prepare(str(path), [*SHORT, *sizes, *more], out, demo=True, tell=lambda text: None)


def feed_of(job):
    model = build_model(job.spec.model.name, **job.spec.model.options)
    return Feed(job, model, torch.device("cpu"), 0)


@pytest.mark.parametrize(("source", "target"), [("SALICON", "UCFSports"), ("DHF1K", "SALICON")])
def test_windows_of_photographs_are_one_frame_again_and_again(small_demo, source, target):
    reading = feed_of(job_of(grid_of(small_demo, source, target, "target"), "adaptation"))
    labelled, unlabelled = next(reading.micro_batches(0))
    for corpus, (batch,) in ((source, labelled), (target, unlabelled)):
        assert batch.clips.shape == (2, 3, 8, 32, 32)
        same = bool((batch.clips == batch.clips[:, :, :1]).all())
        assert same == (corpus == "SALICON")
    (validated, *_) = reading.validation(source, 2)
    assert (validated.clips.shape[2], validated.truth.shape[1]) == (8, 1)


def test_every_map_of_the_photographs_comes_once(small_demo):
    grid = grid_of(small_demo, sizes=["model=centre_prior", "model.height=36", "model.width=64"])
    found = torch.cat(list(feed_of(job_of(grid, "untrained")).maps()))
    manifest = grid.manifests["SALICON"]
    clips = manifest.clips("train")
    assert found.shape == (len(clips), 36, 64)
    np.testing.assert_array_equal(found[0], read_map(manifest.root, clips[0], 0, (36, 64)))


def test_a_corpus_without_training_photographs_is_told_before_anything_starts(small_demo):
    with pytest.raises(ProblemError, match="MIT1003, split train: expected clips of 8 frames, found none"):
        grid_of(small_demo, target="MIT1003", tests="target")


@pytest.mark.slow
def test_a_model_of_windows_is_trained_and_tested_on_photographs_and_none_is_too_short(small_demo):
    """Whole validation clips, and a rule of short clips that would leave out every clip of one frame."""
    settings = ["test.min_frames=16", "test.eight_bit=false", "train.validation_windows=null"]
    grid = grid_of(small_demo, more=settings)
    summary = fit(job_of(grid, "adaptation"), Context())
    validated = [row["value"] for row in summary["curve"] if row["name"] == "val/kld"]
    assert len(validated) == 2
    assert np.isfinite(validated).all()
    tested = {unit.test: evaluation_job(grid, unit, ONE) for unit in grid.plan.evaluations.values()}
    assert {name: len(job.expected) for name, job in tested.items()} == {"SALICON": 6, "MIT1003": 20}
    for job in tested.values():
        assert (job.shorter, set(job.expected.values())) == (0, {1})
        part = evaluate_part(job, 0)
        assert part.unread == {}
        table = part.frames
        assert table["clip"].to_pylist() == list(job.parts[0])
        assert set(table["frame"].to_pylist()) == {0}
        assert np.isfinite(table["CC"].to_numpy()).all()
        assert np.isfinite(table["NSS"].to_numpy()).all()
        assert min(table["n_fixations"].to_pylist()) > 50


def test_each_corpus_of_a_joint_model_has_its_own_size_and_photographs_cost_one_frame(small_demo):
    """As large batches of photographs as asked for: 32 of one frame, and not of a sequence."""
    path = small_demo / "joint.yaml"
    path.write_text(
        "name: joint\ntitle: J\nmetrics: [NSS]\nmodels: [unisal]\nsources: [UCFSports, SALICON]\n"
        "approaches: [domain-specific]\noverrides: {model.domain_inputs: true}\n"
    )
    more = [
        "train.iterations=2",
        "train.photograph_batch=5",
        "train.micro_batch=2",
        "train.validation_windows=2",
    ]
    grid = prepare(str(path), more, small_demo, demo=True, tell=lambda text: None)
    (training,) = grid.plan.trainings.values()
    reading = feed_of(job_of(grid, "domain-specific"))
    shapes = {}
    for (batch,), _ in reading.micro_batches(0):
        shapes[batch.domain] = (tuple(batch.clips.shape), tuple(batch.truth.shape))
    assert shapes == {
        "UCFSports": ((2, 3, 4, 64, 64), (2, 4, 64, 64)),
        "SALICON": ((5, 3, 1, 64, 96), (5, 1, 64, 96)),
    }
    sizes = {(read.corpus, read.height, read.width) for read in training.reads}
    assert sizes == {("UCFSports", 64, 64), ("SALICON", 64, 96)}
    video, still = costs_of(training, "UCFSports"), costs_of(training, "SALICON", photographs=True)
    # Six squares of 32 pixels in place of four, once in place of four times, and without the recurrence.
    assert 0.25 < still.step / (video.step / 4 * 1.5) < 1
    work = estimate(grid, named("H200")).trainings[training.id]
    assert work.clips == 2 + 5
    assert work.flops >= 2 * video.step + 5 * still.step
    tested = {
        unit.test: evaluation_job(grid, unit, ONE).input.size for unit in grid.plan.evaluations.values()
    }
    assert tested == {"UCFSports": (64, 64), "SALICON": (64, 96)}
