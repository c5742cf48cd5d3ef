"""Batch norms of clips frame by frame, and of a shared batch against replicas that each have a part of it."""

from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from hd2s.layers.batch_norm import BatchNorm3d, SplitBatchNorm3d, rectified, split_batch_norms
from hd2s.layers.convolution import per_frame


def test_frames_of_clips_are_normalised_as_clips_are():
    """The form of GPUs, run here: values, gradients and statistics."""
    outcomes = []
    for kind, run in (
        (nn.BatchNorm3d, lambda norm, x: norm(x).relu()),
        (BatchNorm3d, rectified),
        (BatchNorm3d, lambda norm, x: per_frame(x, lambda frames: norm(frames).relu_())),
    ):
        torch.manual_seed(0)
        norm, x = kind(3, eps=1e-3, momentum=0.1).double(), torch.randn(2, 3, 4, 5, 6, dtype=torch.float64)
        nn.init.uniform_(norm.weight, 0.5, 2.0)
        x = x.contiguous(memory_format=torch.channels_last_3d).requires_grad_()
        found = run(norm, x)
        (found * torch.randn(found.shape, dtype=torch.float64)).sum().backward()
        outcomes.append([found.detach(), x.grad, norm.weight.grad, norm.running_mean, norm.running_var])
    for other in outcomes[1:]:
        assert_close(other, outcomes[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize(("device", "order", "by_frames"), [
    ("cpu", torch.channels_last_3d, False),
    ("meta", torch.channels_last_3d, True),
    ("meta", torch.contiguous_format, False),
])  # fmt: skip
def test_frames_are_normalised_on_gpus_where_they_are_a_view(device, order, by_frames):
    seen, norm = [], BatchNorm3d(3).to(device)
    norm.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].dim()))
    rectified(norm, torch.ones(2, 3, 4, 5, 6, device=device).contiguous(memory_format=order))
    assert seen == [4 if by_frames else 5]
    with pytest.raises(ValueError, match="found 3-D"):
        norm(torch.ones(2, 3, 4, device=device))


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
