"""MMD against sums over pairs by hand."""

from itertools import combinations

import torch

from hd2s.approaches.contract import LearnerOptions
from hd2s.approaches.learners.mmd import MMDLearner, mmd
from hd2s.approaches.mmd import MMDSettings
from tests.hd2s.approaches.learners.test_coral import samples


def by_hand(source, target):
    """Return the discrepancy, one pair at a time."""
    rows = [*source, *target]
    squared = {
        (i, j): sum((a - b) ** 2 for a, b in zip(rows[i], rows[j], strict=True))
        for i, j in combinations(range(len(rows)), 2)
    }
    mean = sum(d.detach() for d in squared.values()) / len(squared)

    def kernel(pairs):
        values = [sum((-d / (2 * mean * 2**k)).exp() for k in (-3, -2, -1, 0, 1)) for d in pairs]
        return sum(values) / len(values)

    n = len(source)
    within = [squared[pair] for pair in squared if pair[1] < n]
    other = [squared[pair] for pair in squared if pair[0] >= n]
    across = [squared[i, j] for i, j in squared if i < n <= j]
    return kernel(within) + kernel(other) - 2 * kernel(across)


def test_value_and_gradients_are_those_of_sums_over_pairs():
    source, target = samples(5, 0), samples(4, 1)
    loss = mmd(source, target)
    loss.backward()
    found = source.grad.clone(), target.grad.clone()
    source.grad = target.grad = None
    expected = by_hand(source, target)
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(found, (source.grad, target.grad))


def test_it_grows_with_what_separates_the_domains_and_is_near_0_without():
    source, alike = samples(200, 0), samples(200, 1)
    values = [mmd(source, alike + shift).item() for shift in (0.0, 0.5, 2.0)]
    assert abs(values[0]) < 0.05 < values[1] < values[2]


def test_samples_that_are_all_equal_differ_by_nothing():
    same = torch.ones(4, 3, requires_grad=True)
    loss = mmd(same, same)
    loss.backward()
    assert loss.item() == 0
    assert same.grad.abs().max().item() < 1e-5


def test_a_learner_compares_some_samples_and_weighs_them():
    learner = MMDLearner(torch.nn.Identity(), LearnerOptions(settings=MMDSettings(0.5, samples=3)))
    source, target = samples(6, 0), samples(9, 1)
    expected = 0.5 * mmd(source[[0, 2, 4]], target[[0, 3, 6]])
    torch.testing.assert_close(learner.distance(source, target), expected)
