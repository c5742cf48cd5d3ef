"""DARE-GRAM against NumPy's decompositions, and its gradient against differences."""

import numpy as np
import pytest
import torch

from hd2s.approaches.contract import LearnerOptions
from hd2s.approaches.dare_gram import DareGramSettings
from hd2s.approaches.learners.dare_gram import DareGramLearner, gram_distances
from tests.hd2s.approaches.learners.test_coral import samples


def by_hand(source, target, share):
    grams, kept = [], []
    for x in (source, target):
        with_constant = np.hstack([np.ones((len(x), 1)), x.detach().numpy()])
        gram = with_constant.T @ with_constant
        values = np.linalg.svd(gram, compute_uv=False)
        grams.append((gram, values))
        kept.append(int(np.searchsorted(np.cumsum(values) / values.sum(), share)) + 1)
    k = max(kept)
    inverses = []
    for gram, _ in grams:
        u, values, vt = np.linalg.svd(gram)
        inverses.append(vt[:k].T @ np.diag(1 / values[:k]) @ u[:, :k].T)
    cosines = [
        a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(*(i.T for i in inverses), strict=True)
    ]
    angle = np.mean([1 - cosine for cosine in cosines])
    return k, angle, np.linalg.norm(grams[0][1][:k] - grams[1][1][:k]) / k


@pytest.mark.parametrize(("n", "share"), [(20, 0.9), (20, 0.5), (4, 0.95)])
def test_it_is_the_distance_of_truncated_inverses_and_of_eigenvalues(n, share):
    """Of fewer samples than channels too, whose Gram matrix has no inverse."""
    source, target = samples(n, 0, channels=6), samples(n + 1, 1, channels=6)
    k, *expected = by_hand(source, target, share)
    assert 1 <= k < 7
    found = gram_distances(source, target, share)
    assert [value.item() for value in found] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("n", [12, 4])
def test_its_gradients_are_those_of_differences(n):
    source, target = samples(n, 0, channels=6), samples(n, 1, channels=6)
    assert torch.autograd.gradcheck(lambda s, t: gram_distances(s, t, 0.9), (source, target))


def test_features_of_lower_rank_and_of_none_give_finite_values_and_gradients():
    flat = torch.ones(5, 6, dtype=torch.float64, requires_grad=True)
    for others in (samples(5, 1, channels=6), torch.zeros(5, 6, dtype=torch.float64, requires_grad=True)):
        flat.grad = None
        sum(gram_distances(flat, others, 0.9)).backward()
        assert flat.grad.isfinite().all()
        assert others.grad.isfinite().all()


def test_equal_domains_have_no_distance():
    source = samples(8, 0, channels=6)
    assert [value.item() for value in gram_distances(source, source, 0.9)] == pytest.approx([0, 0], abs=1e-12)


def test_a_learner_weighs_angles_and_eigenvalues():
    learner = DareGramLearner(torch.nn.Identity(), LearnerOptions(settings=DareGramSettings(2.0, 3.0, 0.8)))
    source, target = samples(9, 0), samples(8, 1)
    angle, scale = gram_distances(source, target, 0.8)
    torch.testing.assert_close(learner.distance(source, target), 2 * angle + 3 * scale)
