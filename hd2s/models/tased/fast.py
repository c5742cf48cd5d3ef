"""TASED-Net made ready to predict: folded, and computing once what neighbouring windows share.

What leads to the first tap is `hd2s.layers.s3d.stream`'s. Equal to the model up to rounding, which at near
ties decides where a maximum lay.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hd2s.layers.convolution import ConvTranspose3d
from hd2s.layers.folded import (
    Casting,
    FrameConv,
    Layer,
    MixedBlock,
    TimeConv,
    TransposedConv,
    max_pool,
    per_frame,
    per_pixel,
    run,
)
from hd2s.layers.known import known_as
from hd2s.layers.s3d.network import S3D, ConvUnit, Mixed
from hd2s.layers.s3d.stream import FirstBlocks, Sweep
from hd2s.models.contract import Push
from hd2s.models.tased.config import TasedConfig
from hd2s.models.tased.decoder import Interpolated, PredictionNetwork, TransposedUnit
from hd2s.models.tased.unpooling import auxiliary_places, pool_places, unpool


class Foldable(Protocol):
    """What of a TASED-Net (`hd2s.models.tased.model`, which imports this file) is folded."""

    config: TasedConfig
    backbone: S3D
    prediction: PredictionNetwork


class FastTased:
    """A TASED-Net's `hd2s.models.contract.Stream`.

    Args:
        model: the TASED-Net.
        cast: where the folded weights live.
    """

    def __init__(self, model: Foldable, cast: Casting):
        length, net, self.dtype = model.config.clip_length, model.backbone, cast.dtype
        self.first = FirstBlocks(net, length, cast, pooled=False)
        self.blocks = [
            [MixedBlock(known_as(Mixed, block), length // steps, cast) for block in stage]
            for stage, steps in ((net.block3, 2), (net.block4, 4), (net.block5, 8))
        ]
        prediction = model.prediction
        self.redistribution = FrameConv(cast, prediction.redistribution)
        self.stages = [_folded(stage, cast) for stage in prediction.stages]
        self.doublings = [_folded(doubling, cast) for doubling in prediction.doublings]
        self.aggregation: list[Layer] = []
        steps = length // 8
        for unit in prediction.aggregation:
            if isinstance(unit, ConvUnit):
                self.aggregation.append(summed := TimeConv(unit, steps, cast))
                steps = summed.length
            else:
                self.aggregation.append(_folded(unit, cast))
        head = prediction.head
        self.head = cast.place(head.weight.flatten()), cast.place(head.get_parameter("bias"))

    def begin(self, n_windows: int | None = None) -> Push:
        """Begin a clip; see `hd2s.models.contract.Stream`."""
        sweep = Sweep(self.first, n_windows)

        def push(frames: Tensor) -> Tensor | None:
            taps = sweep.push(frames[0].permute(1, 2, 3, 0).to(self.dtype))
            # One window at a time: its tensors are large, and more would only wait for memory.
            return None if taps is None else torch.cat([self.rest(tap[None]) for tap in taps])

        return push

    def rest(self, y3: Tensor) -> Tensor:
        """Map block 2's features (B, T/2, H/4, W/4, 192) to saliency maps, float32 (B, H, W)."""
        block3, block4, block5 = self.blocks
        y2 = run(block3, per_frame(y3, lambda x: F.max_pool2d(x, 3, 2, 1)))
        y1 = run(block4, max_pool(y2, 3, 2, 1))
        y1 = per_pixel(y1, lambda x: F.max_pool2d(x, (2, 1)))
        pooled, places = pool_places(_channels_first(y1), 2, 2, 0)
        x = self.redistribution(run(block5, _channels_last(pooled)))
        for depth, stage in enumerate(self.stages):
            x = stage(x)
            if self.doublings:
                x = self.doublings[depth](x)
                continue
            like = (y1, y2, y3)[depth]
            found = places if depth == 0 else auxiliary_places(_channels_first(like))
            x = _channels_last(unpool(_channels_first(x), found, (like.shape[2], like.shape[3])))
        weight, bias = self.head
        return (run(self.aggregation, x)[:, 0].float() @ weight.float() + bias.float()).sigmoid_()


def _channels_first(x: Tensor) -> Tensor:
    return x.permute(0, 4, 1, 2, 3)


def _channels_last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 4, 1).contiguous()


def _folded(unit: nn.Module, cast: Casting) -> Layer:
    """Return a unit of the prediction network as a layer on (B, T, H, W, C)."""
    if isinstance(unit, TransposedUnit):
        return TransposedConv(unit.conv, unit.norm, cast)
    if isinstance(unit, ConvTranspose3d):
        return TransposedConv(unit, None, cast)
    interpolated = known_as(Interpolated, unit)
    return lambda x: _channels_last(interpolated(_channels_first(x)))
