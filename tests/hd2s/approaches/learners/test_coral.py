"""CORAL against covariances by hand."""

import numpy as np
import pytest
import torch

from hd2s.approaches.contract import LearnerOptions
from hd2s.approaches.learners.coral import CoralLearner, coral_distance
from hd2s.approaches.shared_settings import WeightSettings


def samples(n, seed, channels=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, channels, generator=generator, dtype=torch.float64).requires_grad_()


def test_it_is_the_squared_distance_of_covariances():
    source, target = samples(7, 0), samples(5, 1)
    covariances = [np.cov(x.detach().numpy(), rowvar=False) for x in (source, target)]
    expected = ((covariances[0] - covariances[1]) ** 2).sum() / (4 * 9)
    assert coral_distance(source, target).item() == pytest.approx(expected, rel=1e-12)
    assert coral_distance(source, source + 5).item() == pytest.approx(0, abs=1e-20)


def test_its_gradient_is_by_hand():
    """(s − mean) (C_S − C_T) / (C² (N − 1)), and with the other sign of the target."""
    source, target = samples(7, 0), samples(5, 1)
    coral_distance(source, target).backward()
    with torch.no_grad():
        difference = source.T.cov() - target.T.cov()
        expected = (source - source.mean(0)) @ difference / (9 * 6)
        other = -(target - target.mean(0)) @ difference / (9 * 4)
    torch.testing.assert_close(source.grad, expected)
    torch.testing.assert_close(target.grad, other)


def test_a_learner_weighs_it():
    learner = CoralLearner(torch.nn.Identity(), LearnerOptions(settings=WeightSettings(0.25)))
    source, target = samples(7, 0), samples(5, 1)
    torch.testing.assert_close(learner.distance(source, target), 0.25 * coral_distance(source, target))
