"""The monotone map: what is fitted against a general solver, and what it makes of maps."""

import copy

import numpy as np
import pytest
import torch
from scipy.optimize import lsq_linear

from hd2s import build_model
from hd2s.approaches.contract import LearnerOptions, MicroBatch, Progress
from hd2s.approaches.learners.monotone_map import (
    LEVELS,
    MappedModel,
    MonotoneMapLearner,
    Sums,
    centre,
    levels,
)
from tests.hd2s.models.small_models import SMALL, clips


def small():
    return build_model("hd2s", seed=0, **SMALL).eval()


def few_levels(*shape):
    """Maps of five levels, each with one pixel of 1."""
    found = torch.from_numpy(np.random.default_rng(0).integers(0, 5, shape)) * 51 / 255
    found[..., 0, 0] = 1
    return found


@pytest.mark.parametrize("helps", [True, False])
def test_it_is_the_best_monotone_map_with_the_best_prior_that_is_not_negative(helps):
    maps = few_levels(3, 1, 6, 8)
    noise = torch.from_numpy(np.random.default_rng(1).uniform(0, 0.5, maps.shape))
    truth = (maps**2 + (0.4 if helps else -0.4) * centre(maps) + noise).clamp(0, 1)
    sums = Sums()
    sums.gather(maps[:2], truth[:2])
    sums.gather(maps[2:], truth[2:])
    curve, weight = sums.fitted()
    # A level is the sum of the steps up to it, of which none but the first may be negative; then the prior.
    seen = levels(maps).round().unique()
    steps = (levels(maps).round().flatten()[:, None] >= seen).double()
    design = torch.cat([steps, centre(maps).expand(maps.shape).reshape(-1, 1)], dim=1).numpy()
    lowest = [-np.inf, *[0.0] * len(seen)]
    best = lsq_linear(design, truth.flatten().numpy(), (lowest, np.inf), method="bvls", tol=1e-14)
    assert curve[seen.long()].numpy() == pytest.approx(np.cumsum(best.x[:-1]), abs=1e-6)
    assert weight.item() == pytest.approx(best.x[-1], abs=1e-6)
    assert (weight > 0) == helps
    assert (curve.diff() >= 0).all()


def test_before_anything_was_seen_it_is_the_identity_but_for_a_scale():
    model = MappedModel(small())
    maps = few_levels(2, 5, 7).float() / 2
    torch.testing.assert_close(model.behind(maps), 2 * maps)


def test_between_two_levels_it_is_a_line_and_never_negative():
    model = MappedModel(small())
    model.curve.copy_(torch.linspace(-1, 1, LEVELS) ** 3)
    maps = torch.tensor([[[0.0, 1.0], [100.25 / 255, 200.5 / 255]]])
    curve = model.curve
    expected = [0, 1, 0, (curve[200] + curve[201]) / 2]
    assert model.behind(maps).flatten().tolist() == pytest.approx([float(v) for v in expected], abs=1e-6)


def batch(seed):
    shown = clips(2, seed)
    truth = torch.rand(2, 1, *shown.shape[-2:], generator=torch.Generator().manual_seed(seed))
    return MicroBatch(shown, truth)


def test_a_learner_sees_each_batch_and_changes_nothing_but_what_is_behind():
    learner = MonotoneMapLearner(small(), LearnerOptions())
    before = copy.deepcopy(learner.mapped.model.state_dict())
    whole = Sums()
    learner.train()
    for step, seed in enumerate((1, 2)):
        ((loss, terms),) = learner.losses([batch(seed)], [], Progress(step, 2))
        assert (loss.requires_grad, terms) == (False, {})
        whole.gather(learner.mapped.model(batch(seed).clips).saliency.detach(), batch(seed).truth)
    curve, weight = whole.fitted()
    found = learner.result()
    torch.testing.assert_close(found.curve, curve.float())
    torch.testing.assert_close(found.prior_weight, weight.float())
    assert all(torch.equal(value, before[name]) for name, value in found.model.state_dict().items())


def test_what_was_seen_is_kept_with_a_learners_state():
    first, second = (MonotoneMapLearner(small(), LearnerOptions()) for _ in range(2))
    for _ in first.losses([batch(1)], [], Progress(0, 2)):
        pass
    second.load_state_dict(first.state_dict())
    assert torch.equal(second.sums.of_levels, first.sums.of_levels)
    torch.testing.assert_close(second.result().curve, first.result().curve)
