"""Photographs in a grid: trained on, adapted to and tested on as any corpus, by a model of windows."""

import numpy as np
import pytest
import torch

from datasets.corpora.saliency_maps import read_map
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
