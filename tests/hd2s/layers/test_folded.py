"""Folded layers against those that train, in evaluation, in double precision."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hd2s.layers.convolution import ConvTranspose3d
from hd2s.layers.domains import DomainBatchNorm2d
from hd2s.layers.folded import (
    Casting,
    FrameConv,
    MixedBlock,
    TimeConv,
    TransposedConv,
    max_pool,
    maximum_of_neighbours,
    run,
)
from hd2s.layers.s3d.network import ConvUnit, Mixed

CAST = Casting(torch.device("cpu"), torch.float64, None)


def trained(module):
    """Give every batch norm statistics and an affine map that folding must not lose."""
    generator = torch.Generator().manual_seed(0)
    for norm in module.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            for entry, low, high in (
                (norm.weight, 0.5, 1.5),
                (norm.bias, -1, 1),
                (norm.running_mean, -1, 1),
                (norm.running_var, 0.5, 2),
            ):
                entry.data.uniform_(low, high, generator=generator)
    return module.double().eval()


def given(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def in_order(x):
    """(B, C, T, H, W) as it lies in memory here: (B, T, H, W, C)."""
    return x.permute(0, 2, 3, 4, 1)


def same(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@torch.no_grad()
def test_a_convolution_takes_over_its_batch_norm():
    conv, norm = nn.Conv2d(3, 5, 3, bias=False).double(), trained(nn.BatchNorm2d(5))
    x = given(2, 3, 6, 7)
    weight, bias = CAST.fold(conv, norm)
    same(F.conv2d(x, weight, bias), norm(conv(x)))


@torch.no_grad()
def test_the_batch_norm_of_the_asked_domain_is_folded():
    conv, norms = nn.Conv2d(3, 5, 1, bias=False).double(), trained(DomainBatchNorm2d(5, ("a", "b"), 0.1))
    norms["b"].running_mean += 1
    x = given(2, 3, 4, 4)
    for domain in ("a", "b"):
        weight, bias = Casting(torch.device("cpu"), torch.float64, domain).fold(conv, norms)
        same(F.conv2d(x, weight, bias), norms(conv(x), domain))


def test_placed_weights_are_copies_in_their_own_precision():
    weight = torch.ones(2, 3, 4, 4)
    placed = Casting(torch.device("cpu"), torch.bfloat16, None).place(weight)
    weight.zero_()
    assert placed.dtype == torch.bfloat16
    assert placed.is_contiguous(memory_format=torch.channels_last)
    assert (placed == 1).all()


@torch.no_grad()
@pytest.mark.parametrize(("kernel", "stride"), [((1, 3, 3), (1, 1, 1)), ((1, 7, 7), (1, 2, 2))])
def test_convolutions_in_space(kernel, stride):
    units = [trained(ConvUnit(4, width, kernel, stride, bn_momentum=0.1)) for width in (3, 5)]
    x = given(2, 4, 3, 8, 10)
    expected = torch.cat([in_order(unit(x)) for unit in units], dim=-1)
    same(FrameConv(CAST, *units)(in_order(x)), expected)


@torch.no_grad()
@pytest.mark.parametrize(("k", "stride"), [(3, 1), (7, 2), (3, 2)])
@pytest.mark.parametrize("length", [1, 2, 4, 8])
def test_convolutions_in_time(k, stride, length):
    unit = trained(ConvUnit(4, 5, (k, 1, 1), (stride, 1, 1), bn_momentum=0.1))
    x = given(2, 4, length, 3, 2)
    folded = TimeConv(unit, length, CAST)
    same(folded(in_order(x)), in_order(unit(x)))
    assert folded.length == unit(x).shape[2]


@torch.no_grad()
def test_taps_that_only_meet_padding_are_cut_off():
    unit = trained(ConvUnit(4, 4, (3, 1, 1), (2, 1, 1), bn_momentum=0.1))
    assert [TimeConv(unit, length, CAST).weight.shape[2] for length in (1, 2, 4)] == [1, 2, 3]


@torch.no_grad()
@pytest.mark.parametrize("length", [1, 4])
def test_inception_blocks(length):
    block = trained(Mixed(6, (4, 3, 5, 2, 3, 4), bn_momentum=0.1))
    x = given(2, 6, length, 5, 4)
    same(MixedBlock(block, length, CAST)(in_order(x)), in_order(block(x)))


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 2, 1), (2, 2, 0), (3, 1, 1)])
def test_pools(kernel, stride, padding):
    x = given(2, 5, 4, 6, 8)
    assert torch.equal(
        max_pool(in_order(x), kernel, stride, padding), in_order(F.max_pool3d(x, kernel, stride, padding))
    )


@pytest.mark.parametrize("shape", [(2, 8, 6, 4, 5), (1, 1, 3, 2, 4), (1, 2, 1, 1, 3)])
def test_maxima_of_neighbours_are_those_of_pooling(shape):
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    expected = F.max_pool3d(x.permute(0, 4, 1, 2, 3), 3, 1, 1).permute(0, 2, 3, 4, 1)
    assert torch.equal(maximum_of_neighbours(x), expected)


def test_layers_run_one_after_the_other():
    assert run([lambda x: x + 1, lambda x: 10 * x], 2) == 30


@torch.no_grad()
@pytest.mark.parametrize("rectified", [True, False])
@pytest.mark.parametrize(("k", "stride"), [(1, 1), (3, 1), (4, 2)])
def test_a_transposed_convolution_takes_over_its_batch_norm(k, stride, rectified):
    conv = ConvTranspose3d(3, 5, (1, k, k), (1, stride, stride)).double()
    norm = trained(nn.BatchNorm3d(5)) if rectified else None
    x = given(2, 3, 4, 6, 7)
    expected = norm(conv(x)).relu() if norm else conv(x)
    same(TransposedConv(conv, norm, CAST)(in_order(x)), in_order(expected))
