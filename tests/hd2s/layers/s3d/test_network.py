"""S3D against itself written out with PyTorch's 3-D operations on its state dict."""

import pytest
import torch
from torch.nn import functional as F

from hd2s.layers.s3d.network import S3D, ConvUnit, Mixed, SeparableConv


def randomised(module):
    """Give a module in double precision batch norms that have seen something."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, value in module.double().state_dict().items():
        if name.endswith("num_batches_tracked"):
            state[name] = value
        elif value.dim() == 1:
            low, high = (0.5, 1.5) if name.endswith(("weight", "running_var")) else (-0.3, 0.3)
            state[name] = torch.rand(value.shape, generator=generator, dtype=value.dtype) * (high - low) + low
        else:
            scale = (2 / value[0].numel()) ** 0.5
            state[name] = torch.randn(value.shape, generator=generator, dtype=value.dtype) * scale
    module.load_state_dict(state)
    return module.eval(), state


def double(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


class Plain:
    """The units in evaluation, by their names in a state dict."""

    def __init__(self, state):
        self.state = state

    def unit(self, x, name, stride=1):
        weight = self.state[f"{name}.conv.weight"]
        x = F.conv3d(x, weight, None, stride, [k // 2 for k in weight.shape[2:]])
        entries = (self.state[f"{name}.norm.{entry}"][:, None, None, None] for entry in NORM)
        scale, shift, mean, variance = entries
        return ((x - mean) / (variance + 1e-3).sqrt() * scale + shift).clamp(min=0)

    def separable(self, x, name, stride=1):
        return self.unit(
            self.unit(x, f"{name}.spatial", (1, stride, stride)), f"{name}.temporal", (stride, 1, 1)
        )

    def mixed(self, x, name):
        branches = [self.unit(x, f"{name}branch0.0")]
        for branch in (f"{name}branch1", f"{name}branch2"):
            branches.append(self.separable(self.unit(x, f"{branch}.0"), f"{branch}.1"))
        branches.append(self.unit(F.max_pool3d(x, 3, 1, 1), f"{name}branch3.1"))
        return torch.cat(branches, 1)

    def stage(self, x, name, n):
        for i in range(n):
            x = self.mixed(x, f"{name}.{i}.")
        return x

    def taps(self, x):
        x = F.max_pool3d(self.separable(x, "block1.0", 2), (1, 3, 3), (1, 2, 2), (0, 1, 1))
        x = self.separable(self.unit(x, "block2.0"), "block2.1")
        level1 = F.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))
        level2 = F.max_pool3d(self.stage(level1, "block3", 2), 3, 2, 1)
        level3 = F.max_pool3d(self.stage(level2, "block4", 5), 2, 2)
        return {1: level1, 2: level2, 3: level3, 4: self.stage(level3, "block5", 2)}


NORM = ("weight", "bias", "running_mean", "running_var")


def test_a_unit_is_convolution_norm_and_relu():
    unit, state = randomised(ConvUnit(5, 7, (1, 3, 3), (1, 2, 2), bn_momentum=0.1))
    x = double(2, 5, 3, 6, 8)
    expected = Plain({f"unit.{name}": value for name, value in state.items()}).unit(x, "unit", (1, 2, 2))
    torch.testing.assert_close(unit(x), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("k", "stride"), [(3, 1), (7, 2)])
def test_space_comes_before_time(k, stride):
    unit, state = randomised(SeparableConv(5, 7, k, stride, bn_momentum=0.1))
    x = double(2, 5, 8, 8, 6)
    expected = Plain({f"unit.{name}": value for name, value in state.items()}).separable(x, "unit", stride)
    assert expected.shape == (2, 7, 8 // stride, 8 // stride, 6 // stride)
    torch.testing.assert_close(unit(x), expected, rtol=0, atol=1e-12)


def test_a_mixed_block_is_its_four_branches_side_by_side():
    block, state = randomised(Mixed(5, (3, 4, 6, 2, 5, 7), bn_momentum=0.1))
    x = double(2, 5, 3, 4, 6)
    assert block.channels == 3 + 6 + 5 + 7
    torch.testing.assert_close(block(x), Plain(state).mixed(x, ""), rtol=0, atol=1e-12)


def test_the_whole_network_taps_what_the_plain_one_does():
    network, state = randomised(S3D(bn_momentum=0.1))
    clips = double(1, 3, 8, 32, 32)
    with torch.no_grad():
        found, expected = network(clips), Plain(state).taps(clips)
    assert found.keys() == expected.keys()
    for level, tap in expected.items():
        assert tap.std() > 0.1
        torch.testing.assert_close(found[level], tap, rtol=0, atol=1e-10)


@pytest.mark.parametrize("momentum", [0.001, 0.1])
def test_a_batch_moves_the_statistics_by_its_share(momentum):
    unit, x = ConvUnit(2, 3, bn_momentum=momentum).double(), double(4, 2, 2, 3, 3)
    unit(x)
    mean = torch.einsum("oc,bcthw->bothw", unit.conv.weight[..., 0, 0, 0], x).mean((0, 2, 3, 4))
    torch.testing.assert_close(unit.norm.running_mean, momentum * mean)


@pytest.mark.parametrize("batch", [1, 2])
def test_activations_stay_in_channels_last_memory(batch):
    clips = torch.randn(batch, 3, 8, 64, 64).contiguous(memory_format=torch.channels_last_3d)
    with torch.no_grad():
        taps = S3D(bn_momentum=0.1).eval()(clips)
    assert all(tap.is_contiguous(memory_format=torch.channels_last_3d) for tap in taps.values())
