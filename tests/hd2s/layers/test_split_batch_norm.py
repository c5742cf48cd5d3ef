"""Batch norms of a shared batch, against replicas that each have a part of it."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from hd2s.layers.split_batch_norm import SplitBatchNorm3d, split_batch_norms


def split_norm(parts):
    norm = SplitBatchNorm3d(3, parts, eps=1e-3, momentum=0.1).double()
    nn.init.uniform_(norm.weight, 0.5, 2.0)
    nn.init.uniform_(norm.bias)
    return norm


@pytest.mark.parametrize(("clips", "parts", "sizes"), [(8, 2, [4, 4]), (5, 2, [3, 2]), (2, 4, [1, 1])])
def test_each_part_is_normalised_by_itself_and_the_first_alone_is_remembered(clips, parts, sizes):
    norm, x = split_norm(parts), torch.randn(clips, 3, 2, 4, 5, dtype=torch.float64)
    replicas = [nn.BatchNorm3d(3, eps=1e-3, momentum=0.1).double() for _ in sizes]
    for replica in replicas:
        replica.load_state_dict(norm.state_dict())
    expected = torch.cat([replica(part) for replica, part in zip(replicas, x.split(sizes), strict=True)])
    assert_close(norm(x), expected, rtol=0, atol=1e-12)
    assert_close(norm.state_dict(), replicas[0].state_dict(), rtol=0, atol=1e-12)
    assert norm.num_batches_tracked == 1
    assert_close(norm.eval()(x), replicas[0].eval()(x), rtol=0, atol=1e-12)


def test_a_model_keeps_its_names_and_what_its_batch_norms_are():
    model = nn.Sequential(nn.Conv3d(2, 3, 1), nn.Sequential(nn.BatchNorm3d(3, eps=1e-3, momentum=0.2)))
    before = deepcopy(model)
    split_batch_norms(model, 2)
    assert model.state_dict().keys() == before.state_dict().keys()
    norm = model[1][0]
    assert isinstance(norm, SplitBatchNorm3d)
    assert (norm.parts, norm.eps, norm.momentum, norm.num_features) == (2, 1e-3, 0.2, 3)
