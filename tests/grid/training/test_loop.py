"""Trainings without Ray: the true network on the demo corpora, a few steps each."""

import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from datasets.corpora.saliency_maps import read_map
from grid.evaluation.evaluate import evaluate_part
from grid.planning.prepare import prepare
from grid.running.jobs import evaluation_job
from grid.training import feed
from grid.training import loop as training
from grid.training.loop import TrainingError, fit
from hd2s import load_weights, save_weights
from hd2s.losses import kld
from hd2s.metrics.scores import score_frames
from hd2s.models.centre_prior import center_prior
from tests.grid.grids import (
    ONE,
    Context,
    assert_goes_on_exactly,
    evaluation_job_of,
    job_of,
    prepare_small,
    same,
    weights_of,
    write_spec,
)
from tests.places import REPOSITORY


@pytest.mark.parametrize("approach", ["generalization", "adaptation"])
def test_the_same_seed_gives_the_same_weights_bit_for_bit(small_demo, approach):
    job = job_of(prepare_small(small_demo), approach)
    first = fit(job, Context())
    weights = weights_of(job)
    second = fit(job, Context())
    assert first["curve"] == second["curve"]
    assert same(weights, weights_of(job))
    other = replace(job, spec={**job.spec, "seed": 1})
    assert fit(other, Context())["curve"] != first["curve"]


def test_an_interrupted_adaptation_goes_on_exactly_where_it_was(small_demo):
    grid = prepare_small(small_demo, "train.checkpoint_every=2")
    job = job_of(grid, "adaptation")
    assert_goes_on_exactly(job, die_at=2)


def test_models_with_and_without_gradient_reversal_see_the_same_source_clips(small_demo, monkeypatch):
    seen = {}
    original = feed.training_batches

    def recorded(store, clips, **options):
        for batch in original(store, clips, **options):
            seen.setdefault((approach, store.manifest.corpus), []).append(batch.keys)
            yield batch

    monkeypatch.setattr(feed, "training_batches", recorded)
    grid = prepare_small(small_demo)
    for approach in ("generalization", "adaptation"):
        fit(job_of(grid, approach), Context())
    assert seen["generalization", "DHF1K"] == seen["adaptation", "DHF1K"]
    assert len(seen["adaptation", "UCFSports"]) == 4


def test_the_curve_holds_every_loss_and_lambda(small_demo):
    job = job_of(prepare_small(small_demo), "adaptation")
    curve = fit(job, Context())["curve"]
    names = {row["name"] for row in curve}
    assert names == {
        "train/kld/saliency",
        *(f"train/kld/conspicuity_{level}" for level in (1, 2, 3, 4)),
        "train/domain/source",
        "train/domain/target",
        *(f"domain/accuracy/level_{level}" for level in (1, 2, 3, 4)),
        "lambda",
        "val/kld",
    }
    strengths = [row["value"] for row in curve if row["name"] == "lambda"]
    assert strengths[0] == 0
    assert strengths == sorted(strengths)
    assert [row["step"] for row in curve if row["name"] == "val/kld"] == [2, 4]


def test_the_weights_kept_are_those_of_the_lowest_validation_kld(small_demo, monkeypatch):
    """Whatever the network has come to: the KLDs are given, and the second of four is the lowest."""
    job = job_of(prepare_small(small_demo, "train.validate_every=1"), "generalization")
    until_best = replace(job, spec={**job.spec, "train": {**job.spec["train"], "iterations": 2}})
    given = iter([3.0, 1.0, 2.0, 4.0, 3.0, 1.0])
    one_batch = next(training._Fitting(job, Context()).feed.validation(0))
    monkeypatch.setattr(feed.Feed, "validation", lambda *_: iter([one_batch]))
    monkeypatch.setattr(training, "kld", lambda *_: torch.tensor([next(given)]))
    summary = fit(job, Context())
    assert (summary["best_step"], summary["best_kld"]) == (2, 1.0)
    kept = weights_of(job)
    fit(until_best, Context())
    assert same(kept, weights_of(job))


POOLED = {
    "sources": "DHF1K, UCFSports, Hollywood2",
    "targets": None,
    "approaches": "multi-source, domain-specific",
}


def test_pooled_sources_take_turns(small_demo, monkeypatch):
    turns, original = [], feed.take_turns

    def recorded(*arguments):
        for labelled, unlabelled in original(*arguments):
            turns.append(labelled[0].keys[0].partition("/")[0])
            yield labelled, unlabelled

    monkeypatch.setattr(feed, "take_turns", recorded)
    fit(job_of(prepare_small(small_demo, **POOLED), "multi-source"), Context())
    assert turns == ["DHF1K", "UCFSports", "Hollywood2", "DHF1K"]


def test_a_domain_specific_training_goes_on_exactly_and_is_tested_by_its_own_layers(small_demo):
    grid = prepare_small(small_demo, "train.checkpoint_every=1", **POOLED)
    job = job_of(grid, "domain-specific")
    assert_goes_on_exactly(job, die_at=2)
    evaluation = evaluation_job_of(grid, "domain-specific")
    assert evaluation.domain == "DHF1K"
    small = replace(evaluation, parts=((min(evaluation.expected, key=evaluation.expected.get),),))
    own = evaluate_part(small, 0)
    others = evaluate_part(replace(small, domain="Hollywood2"), 0)
    assert not own.frames.equals(others.frames)


def test_the_released_protocol_changes_what_is_learnt(small_demo):
    curves = []
    for protocol in ("paper", "released"):
        grid = prepare_small(small_demo, f"train.protocol={protocol}", "train.accumulate=2")
        curves.append(fit(job_of(grid, "adaptation"), Context())["curve"])
    names = [{row["name"] for row in curve} for curve in curves]
    assert names[0] - names[1] == {f"train/kld/conspicuity_{level}" for level in (1, 2, 3, 4)}


@pytest.mark.parametrize("approach", ["generalization", "adaptation"])
def test_the_released_protocol_validates_on_a_fresh_half_but_for_adaptation(small_demo, approach):
    job = job_of(prepare_small(small_demo, "train.protocol=released"), approach)
    fitting = training._Fitting(job, Context())
    clips = [
        {key.partition("@")[0] for batch in fitting.feed.validation(step) for key in batch.keys}
        for step in range(8)
    ]
    everything = {
        f"DHF1K/{clip.clip}" for clip in fitting.feed._long_enough(fitting.feed._store("DHF1K"), "val")
    }
    if approach == "adaptation":
        assert all(drawn == everything for drawn in clips)
    else:
        assert {len(drawn) for drawn in clips} == {(len(everything) + 1) // 2}
        assert set.union(*clips) == everything


def test_fine_tuning_starts_from_the_parent(small_demo):
    grid = prepare_small(small_demo)
    parent, child = job_of(grid, "generalization"), job_of(grid, "transfer")
    assert child.parent == parent.weights
    fit(parent, Context())
    started = training._Fitting(child, Context())
    assert same(weights_of(parent), started.model.state_dict())


def test_a_loss_that_is_not_finite_stops_the_training_with_its_step(small_demo):
    job = job_of(prepare_small(small_demo, "train.lr=1e30"), "generalization")
    with pytest.raises(TrainingError, match=r"Iteration \d: .*not finite.*clips DHF1K/"):
        fit(job, Context())


_WORKER = """
import pickle, sys
from pathlib import Path
import torch
from tests.grid.grids import Context
from grid.training.loop import fit
job, rank, folder = pickle.loads(Path(sys.argv[1]).read_bytes()), int(sys.argv[2]), sys.argv[3]
torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
context = Context()
context.rank = rank
summary = fit(job, context)
Path(folder, f"{rank}.pickle").write_bytes(pickle.dumps(summary["curve"]))
torch.distributed.destroy_process_group()
"""


def test_two_workers_train_one_model(small_demo, tmp_path):
    """Both tell the same losses and validation KLD, and the latter is that of the weights on all windows."""
    grid = prepare_small(small_demo, "train.world_size=2", "train.accumulate=4", "train.iterations=2")
    job = job_of(grid, "adaptation")
    (tmp_path / "job").write_bytes(pickle.dumps(job))
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(tmp_path / "job"), str(rank), str(tmp_path)], env=environment
        )
        for rank in range(2)
    ]
    assert [worker.wait(timeout=240) for worker in workers] == [0, 0]
    curves = [pickle.loads((tmp_path / f"{rank}.pickle").read_bytes()) for rank in range(2)]
    assert curves[0] == curves[1]
    # Each validated its share of the windows; what they say together is what one says of the weights kept.
    model = training._Fitting(job, Context()).model
    load_weights(model, job.weights)
    alone = replace(job, spec={**job.spec, "train": {**job.spec["train"], "world_size": 1}})
    values = [
        kld(model.eval()(batch.clips).saliency, batch.maps)
        for batch in training._Fitting(alone, Context()).feed.validation(0)
    ]
    best = min(row["value"] for row in curves[0] if row["name"] == "val/kld")
    assert best == pytest.approx(torch.cat(values).mean().item(), rel=1e-4)


def mean(table, metric):
    values = table[metric].to_numpy()
    return float(values[~np.isnan(values)].mean()) if not np.isnan(values).all() else np.nan


def center_prior_scores(manifest):
    fixations, scores = manifest.fixations("test"), []
    for clip in manifest.clips("test"):
        prior = center_prior(clip.height, clip.width)
        for i in range(clip.n_frames):
            points, truth = fixations.frame(clip.clip, i), read_map(manifest.root, clip, i)
            scores.append(score_frames(prior[None], [points], truth[None], points))
    return {metric: float(np.nanmean([score[metric] for score in scores])) for metric in ("NSS", "CC")}


def test_a_model_learns_to_beat_its_untrained_self_and_a_centre_prior(small_demo):
    """The demo's own training of DHF1K, tested on DHF1K."""
    path = write_spec(small_demo)
    grid = prepare(str(path), [], small_demo, demo=True, tell=lambda text: None)
    training_job = job_of(grid, "generalization")
    evaluation = replace(next(iter(grid.plan.evaluations.values())), test="DHF1K")
    job = evaluation_job(grid, evaluation, ONE)

    untrained = small_demo / "untrained.pt"
    save_weights(training._Fitting(training_job, Context()).model, untrained)
    before = evaluate_part(replace(job, weights=str(untrained)), 0).frames
    fit(training_job, Context())
    after = evaluate_part(job, 0).frames
    prior = center_prior_scores(grid.manifests["DHF1K"])
    for metric in ("NSS", "CC"):
        assert mean(after, metric) > 1.5 * prior[metric], metric
        # Untrained, the map is so flat that it may be constant in eight bits, and have no score at all.
        assert np.isnan(mean(before, metric)) or mean(before, metric) < 0.5 * mean(after, metric), metric
