"""Calibrations without Ray: of a source model on the demo corpora, a few steps each."""

from dataclasses import replace

import torch

from grid.evaluation.evaluate import evaluate_part
from grid.training import loop as training
from grid.training.loop import fit
from hd2s.approaches.calibration import Calibration
from tests.grid.grids import (
    Context,
    assert_goes_on_exactly,
    evaluation_job_of,
    job_of,
    prepare_small,
    weights_of,
)


def test_a_calibration_fits_the_parents_maps_to_the_target_and_moves_nothing_else(small_demo):
    long_enough = ["train.iterations=20", "train.finetune_iterations=20", "train.validate_every=5"]
    grid = prepare_small(small_demo, *long_enough, approaches="generalization, calibration")
    parent, child = job_of(grid, "generalization"), job_of(grid, "calibration")
    fit(parent, Context())
    source = weights_of(parent)
    before = training._Fitting(child, Context())
    before.validate(0)
    summary = fit(child, Context())
    assert summary["best_kld"] < 0.95 * before.progress.best_kld
    learnt = weights_of(child)
    moved = {name for name in learnt if name not in source or not torch.equal(learnt[name], source[name])}
    assert moved == {f"calibration.{name}" for name, _ in Calibration().named_parameters()}


def test_an_interrupted_calibration_goes_on_exactly_and_is_tested_without_a_fixed_gaussian(small_demo):
    grid = prepare_small(
        small_demo,
        "train.checkpoint_every=1",
        "train.validate_every=1",
        approaches="generalization, calibration",
    )
    fit(job_of(grid, "generalization"), Context())
    job = job_of(grid, "calibration")
    assert_goes_on_exactly(job, die_at=1)
    scores = {}
    for approach in ("generalization", "calibration"):
        evaluation = evaluation_job_of(grid, approach)
        shortest = (min(evaluation.expected, key=evaluation.expected.get),)
        for sigma in (None, 9.0):
            protocol = {**evaluation.protocol, "smoothing_sigma": sigma}
            small = replace(evaluation, parts=(shortest,), protocol=protocol)
            scores[approach, sigma] = evaluate_part(small, 0).frames
    assert scores["calibration", None].equals(scores["calibration", 9.0])
    assert not scores["generalization", None].equals(scores["generalization", 9.0])
