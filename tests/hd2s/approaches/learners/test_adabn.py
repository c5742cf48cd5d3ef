"""AdaBN: the parent's weights, the target's statistics."""

import pytest
import torch

from hd2s import build_model
from hd2s.approaches.batch_norm_statistics import batch_norms
from hd2s.approaches.contract import LearnerOptions, MicroBatch
from hd2s.approaches.learners.adabn import AdaBNLearner
from hd2s.training.iteration import Recipe, take_iteration
from hd2s.training.optimiser import Optimiser, OptimiserOptions
from tests.hd2s.models.small_models import SMALL, clips, same, trained_like


@pytest.fixture
def parent():
    return build_model("hd2s", seed=0, **SMALL)


def looked(learner, seeds, accumulate=2):
    """Through the training's own iteration, with a weight decay that would show."""
    optimiser = Optimiser(learner, OptimiserOptions(weight_decay=0.1))
    batches = iter([([], [MicroBatch(clips(2, seed))]) for seed in seeds])
    for iteration in range(len(seeds) // accumulate):
        recipe = Recipe(iterations=2, accumulate=accumulate)
        told = take_iteration(learner, optimiser, recipe, iteration, batches)
        assert (told.terms, told.skipped) == ({}, 0)
        assert told.watched == {"micro_batches": (iteration + 1) * accumulate}
    return learner


def test_no_weight_moves_and_every_statistic_is_the_targets(parent):
    before = {name: value.clone() for name, value in parent.state_dict().items()}
    model = looked(AdaBNLearner(parent, LearnerOptions()), [1, 2, 3, 4]).result()
    after = model.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    weights = {name for name, _ in model.named_parameters()}
    assert not moved & weights
    assert {name for name in before if "running" in name} <= moved
    first = model.backbone.block1[0].spatial
    seen = first.conv(torch.cat([clips(2, seed) for seed in (1, 2, 3, 4)])).transpose(0, 1).flatten(1)
    torch.testing.assert_close(first.norm.running_mean, seen.mean(1), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(first.norm.running_var, seen.var(1, correction=0), rtol=1e-4, atol=1e-7)


def test_order_and_micro_batches_of_iterations_mean_nothing(parent):
    first = looked(AdaBNLearner(parent, LearnerOptions()), [1, 2, 3, 4]).result().state_dict()
    found = {name: value.clone() for name, value in first.items()}
    other = build_model("hd2s", seed=0, **SMALL)
    second = looked(AdaBNLearner(other, LearnerOptions()), [4, 2, 1, 3], accumulate=4).result().state_dict()
    for name, value in found.items():
        if "running" in name:
            torch.testing.assert_close(value, second[name], rtol=1e-5, atol=1e-7)


def test_it_goes_on_exactly_from_its_state(parent):
    undisturbed = looked(AdaBNLearner(parent, LearnerOptions()), [1, 2, 3, 4]).result().state_dict()
    before = looked(AdaBNLearner(build_model("hd2s", seed=0, **SMALL), LearnerOptions()), [1, 2])
    resumed = AdaBNLearner(build_model("hd2s", seed=5, **SMALL), LearnerOptions())
    resumed.load_state_dict(before.state_dict())
    assert same(looked(resumed, [3, 4]).result().state_dict(), undisturbed)


def test_nothing_is_in_training_but_batch_norms():
    learner = AdaBNLearner(trained_like(8), LearnerOptions()).train()
    norms = {id(norm) for norm in batch_norms(learner.model)}
    assert norms
    assert all(module.training == (id(module) in norms) for module in learner.model.modules())
    assert learner.statistics.training
