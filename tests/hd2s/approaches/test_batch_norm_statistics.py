"""Statistics gathered clip by clip are those of all clips in one batch."""

import pytest
import torch
from torch import nn

from hd2s.approaches.batch_norm_statistics import BatchNormStatistics, batch_norms


def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.BatchNorm2d(4))


def gathered(model, batches):
    statistics = BatchNormStatistics(model)
    with statistics.gathering(model):
        for batch in batches:
            model(batch)
    return statistics


def test_many_batches_count_as_one():
    """Far from 0, where a variance from float32 sums would be rounding."""
    model, batches = network(), [1000 + torch.randn(n, 3, 5, 6) for n in (2, 3, 1)]
    gathered(model, batches).write(model)
    values = torch.cat(batches).double().transpose(0, 1).flatten(1)
    torch.testing.assert_close(model[0].running_mean.double(), values.mean(1), rtol=1e-6, atol=0)
    torch.testing.assert_close(model[0].running_var.double(), values.var(1, correction=0), rtol=1e-4, atol=0)


def test_one_batch_gives_what_a_momentum_of_1_gives_but_for_the_factor_of_a_variance_without_bias():
    model, other, batch = network(), network(), torch.randn(4, 3, 5, 6)
    for norm in batch_norms(other):
        norm.momentum = 1.0
    other(batch)
    gathered(model, [batch]).write(model)
    for ours, theirs in zip(batch_norms(model), batch_norms(other), strict=True):
        torch.testing.assert_close(ours.running_mean, theirs.running_mean)
        torch.testing.assert_close(ours.running_var * 120 / 119, theirs.running_var)


def test_what_was_not_seen_stays_and_hooks_are_gone():
    model = network()
    statistics = BatchNormStatistics(model)
    with pytest.raises(RuntimeError), statistics.gathering(model):
        model(torch.randn(2, 7, 5, 6))
    before = statistics.moments.clone()
    model(torch.randn(2, 3, 5, 6))
    assert torch.equal(statistics.moments, before)
    fresh = network()
    BatchNormStatistics(fresh).write(fresh)
    assert torch.equal(fresh[0].running_mean, torch.zeros(3))
    assert torch.equal(fresh[0].running_var, torch.ones(3))


def test_workers_that_average_their_sums_have_the_statistics_of_all_clips():
    model = network()
    shares = [[torch.randn(2, 3, 5, 6), torch.randn(3, 3, 5, 6)], [torch.randn(4, 3, 5, 6) + 2]]
    together = gathered(model, shares[0] + shares[1])
    apart = [gathered(model, share) for share in shares]
    average = BatchNormStatistics(model)
    average.moments.copy_((apart[0].moments + apart[1].moments) / 2)
    found, expected = network(), network()
    average.write(found)
    together.write(expected)
    for name, buffer in expected.named_buffers():
        torch.testing.assert_close(found.get_buffer(name), buffer)
