"""Photographs of several sizes: trained on in batches of one, validated and predicted at their own."""

from collections import Counter

import pytest
import torch

from datasets.indexing.index import index
from grid.evaluation.evaluate import evaluate_part
from grid.planning.prepare import prepare
from grid.running.jobs import evaluation_job, training_job
from grid.training.decode import fill
from grid.training.feed import Feed
from grid.training.loop import fit
from hd2s import build_model
from hd2s.models.unisal import config
from tests.datasets.small_photographs import write_mit1003
from tests.grid.grids import ONE, Context
from tests.grid.plans import FROM_SCRATCH

SPEC = """
name: sizes
title: Photographs of several sizes
metrics: [CC, NSS]
models: [unisal]
sources: [MIT1003]
approaches: [generalization]
folds: {MIT1003: 4}
overrides: {model.domain_inputs: true}
"""
WIDE, TALL, SQUARE = (32, 64), (64, 32), (64, 64)
NATIVE = {WIDE: (64, 128), TALL: (128, 66), SQUARE: (68, 72)}
COUNTS = {WIDE: 20, TALL: 12, SQUARE: 4}
SMALL = [
    *(FROM_SCRATCH, "model.encoder_statistics=learned", "model.inputs=[MIT1003=64x64/1]"),
    *("train.mixed_precision=false", "train.epochs=1", "train.photograph_batch=3", "test.eight_bit=false"),
    "resources.loader_workers=0",
]


@pytest.fixture
def grid(tmp_path, monkeypatch):
    """A grid of small photographs, shown at three small sizes in training and at two in tests."""
    monkeypatch.setattr(config, "_FINE_TUNED_SIZES", (WIDE, TALL, SQUARE))
    monkeypatch.setattr(config, "_FREE_SIZES", (WIDE, SQUARE))
    for size, count in COUNTS.items():
        height, width = NATIVE[size]
        for i in range(count):
            write_mit1003(tmp_path / "MIT1003", f"i{width}x{i}", i, width, height)
    manifest = index("mit1003", tmp_path / "MIT1003", tmp_path / "m")
    (tmp_path / "sizes.yaml").write_text(SPEC)
    more = [*SMALL, f"corpora.MIT1003.manifest={manifest.folder}", "model.photograph_sizes=released"]
    return prepare(str(tmp_path / "sizes.yaml"), more, tmp_path / "out", demo=False, tell=lambda text: None)


def test_a_batch_is_of_one_size_and_an_epoch_has_the_whole_batches_of_each(grid):
    (training, *_) = grid.plan.trainings.values()
    job = training_job(grid, training)
    model = build_model("unisal", **job.spec.model.options)
    fill(job)
    manifest = job.manifests["MIT1003"].open()
    native = {clip.clip: (clip.height, clip.width) for clip in manifest.clips("train")}
    whole = {size: list(native.values()).count(NATIVE[size]) // 3 for size in NATIVE}
    assert job.spec.train.iterations == sum(whole.values())

    seen, own = Counter(), {native: size for size, native in NATIVE.items()}
    for (batch,), _ in Feed(job, model, torch.device("cpu"), 0).micro_batches(0):
        (size,) = {own[native[key.removeprefix("MIT1003/").partition("@")[0]]] for key in batch.keys}
        assert batch.clips.shape == (3, 3, 1, *size)
        assert batch.truth.shape == batch.fixations.shape == (3, 1, *size)
        seen[size] += 1
    assert seen == {size: count for size, count in whole.items() if count}

    again = Feed(job, model, torch.device("cpu"), 0).micro_batches(2)
    (found,), _ = next(again)
    third = list(Feed(job, model, torch.device("cpu"), 0).micro_batches(0))[2]
    assert found.keys == third[0][0].keys
    assert torch.equal(found.clips, third[0][0].clips)


@pytest.mark.slow
def test_it_is_trained_validated_and_tested_so(grid):
    (training, *_) = grid.plan.trainings.values()
    summary = fit(training_job(grid, training), Context())
    (validated,) = [row["value"] for row in summary["curve"] if row["name"] == "val/kld"]
    assert validated > 0
    unit = next(each for each in grid.plan.evaluations.values() if each.training == training.id)
    part = evaluate_part(evaluation_job(grid, unit, ONE), 0)
    assert part.unread == {}
    assert part.frames.num_rows == len(evaluation_job(grid, unit, ONE).expected) == 9
