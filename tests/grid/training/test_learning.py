"""That trainings learn: what they come to is better than what it started from, and than simple rivals."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from grid.evaluation.evaluate import evaluate_part
from grid.planning.prepare import prepare
from grid.running.jobs import evaluation_job
from grid.training import loop as training
from grid.training.loop import fit
from hd2s import build_model, save_weights
from hd2s.approaches.learners.calibration import Calibration
from tests.grid.grids import (
    ONE,
    Context,
    assert_goes_on_exactly,
    evaluation_job_of,
    job_of,
    prepare_small,
    weights_of,
    write_spec,
)


def mean(table, metric):
    values = table[metric].to_numpy()
    return float(values[~np.isnan(values)].mean()) if not np.isnan(values).all() else np.nan


def on_the_source(grid, model):
    """The evaluation of a model of DHF1K on DHF1K."""
    evaluation = next(each for each in grid.plan.evaluations.values() if each.id.startswith(model))
    return evaluation_job(grid, replace(evaluation, test="DHF1K"), ONE)


@pytest.mark.slow
def test_a_model_learns_to_beat_its_untrained_self_and_a_centre_prior(small_demo):
    """The demo's own training of DHF1K, tested on DHF1K."""
    path = write_spec(small_demo, approaches="generalization")
    settings = ["model=[hd2s,centre_prior]"]
    grid = prepare(str(path), settings, small_demo, demo=True, tell=lambda text: None)
    learning, fitting = job_of(grid, "generalization"), job_of(grid, "untrained")
    job, rival = on_the_source(grid, "hd2s"), on_the_source(grid, "centre_prior")

    untrained = [small_demo / f"{name}.pt" for name in ("network", "gaussian")]
    for spec, file in zip((learning.spec, fitting.spec), untrained, strict=True):
        save_weights(build_model(spec.model.name, seed=0, **spec.model.options), file, spec.approach.name)
    before = evaluate_part(replace(job, weights=str(untrained[0])), 0).frames
    gaussian = evaluate_part(replace(rival, weights=str(untrained[1])), 0).frames
    fit(learning, Context())
    fit(fitting, Context())
    after, fitted = evaluate_part(job, 0).frames, evaluate_part(rival, 0).frames
    for metric in ("NSS", "CC"):
        assert mean(after, metric) > 1.5 * mean(gaussian, metric), metric
        assert mean(after, metric) > 1.5 * mean(fitted, metric), metric
        # Untrained, the map is so flat that it may be constant in eight bits, and have no score at all.
        assert np.isnan(mean(before, metric)) or mean(before, metric) < 0.5 * mean(after, metric), metric


@pytest.mark.long
@pytest.mark.slow
def test_a_calibration_fits_the_parents_maps_to_the_target_and_moves_nothing_else(small_demo):
    long_enough = ["train.iterations=20", "train.finetune_iterations=20", "train.validate_every=5"]
    grid = prepare_small(small_demo, *long_enough, approaches="generalization, calibration")
    parent, child = job_of(grid, "generalization"), job_of(grid, "calibration")
    fit(parent, Context())
    source = {f"model.{name}": value for name, value in weights_of(parent).items()}
    before = training._Fitting(child, Context())
    before.validate(0)
    summary = fit(child, Context())
    assert summary["best_kld"] < 0.95 * before.progress.best_kld
    learnt = weights_of(child)
    assert source.keys() < learnt.keys()
    moved = {name for name in learnt if name not in source or not torch.equal(learnt[name], source[name])}
    assert moved == {f"calibration.{name}" for name, _ in Calibration().named_parameters()}


@pytest.mark.slow
def test_an_interrupted_calibration_goes_on_exactly_and_is_tested_without_a_fixed_gaussian(small_demo):
    # In 8 bits maps after so few iterations may be of one grey level, whatever smooths them.
    settings = ["train.checkpoint_every=1", "train.validate_every=1", "test.eight_bit=false"]
    rows = "generalization, calibration"
    grids = {
        sigma: prepare_small(small_demo, *settings, f"test.smoothing_sigma={sigma}", approaches=rows)
        for sigma in ("null", 9.0)
    }
    fit(job_of(grids["null"], "generalization"), Context())
    assert_goes_on_exactly(job_of(grids["null"], "calibration"), die_at=1)
    scores = {}
    for approach in ("generalization", "calibration"):
        for sigma, grid in grids.items():
            evaluation = evaluation_job_of(grid, approach)
            shortest = (min(evaluation.expected, key=evaluation.expected.get),)
            scores[approach, sigma] = evaluate_part(replace(evaluation, parts=(shortest,)), 0).frames
    assert scores["calibration", "null"].equals(scores["calibration", 9.0])
    assert not scores["generalization", "null"].equals(scores["generalization", 9.0])
