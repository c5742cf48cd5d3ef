"""HD2S made ready to predict: folded, and computing once what neighbouring windows share.

Folded, a decoder's convolution that follows a doubling is computed before it (`hd2s.layers.upsampled_conv`);
what leads to the first tap is `hd2s.layers.s3d.stream`'s. Equal to the model up to rounding.
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hd2s.layers.folded import BatchNorm, Casting, Layer, MixedBlock, TimeConv, max_pool, run
from hd2s.layers.known import known_as
from hd2s.layers.s3d.network import S3D, ConvUnit, Mixed
from hd2s.layers.s3d.stream import FirstBlocks, Sweep
from hd2s.layers.upsampled_conv import UpsampledConv
from hd2s.models.contract import Push
from hd2s.models.hd2s.config import HD2SConfig
from hd2s.models.hd2s.conspicuity import ConspicuityNet, Conv2dUnit, DecoderStage, DepthwiseSeparableConv

# Block 3 makes the largest tensors. Of more windows at a time a process that does not keep their memory, as
# `hd2s.prediction.processor` does, returns it to the system, and page faults cost time: 1.24 of it with 16
# windows. The deeper blocks rather want more of them for each weight.
_WINDOWS_OF_BLOCK3 = 4


class Foldable(Protocol):
    """What of an HD2S (`hd2s.models.hd2s.model`, which imports this file) is folded or used as it is."""

    config: HD2SConfig
    backbone: S3D
    conspicuity: nn.ModuleDict
    priors: nn.ModuleDict

    def fuse(self, maps: Tensor, domain: str | None) -> Tensor:
        """Fuse conspicuity maps (B, levels, H, W) to (B, H, W)."""

    def smooth(self, saliency: Tensor, domain: str | None) -> Tensor:
        """Smooth (B, H, W)."""


class FastHD2S:
    """An HD2S's `hd2s.models.contract.Stream`.

    Priors, fusion and learned smoothing are the model's own modules, which cost next to nothing.

    Args:
        model: the HD2S.
        cast: where the folded weights live, and whose domain's they are.
    """

    def __init__(self, model: Foldable, cast: Casting):
        self.model, self.domain, self.dtype = model, cast.domain, cast.dtype
        length, backbone = model.config.clip_length, model.backbone
        self.first = FirstBlocks(backbone, length, cast)
        self.block3 = [MixedBlock(known_as(Mixed, block), length // 2, cast) for block in backbone.block3]
        self.block4 = [MixedBlock(known_as(Mixed, block), length // 4, cast) for block in backbone.block4]
        self.block5 = [MixedBlock(known_as(Mixed, block), length // 8, cast) for block in backbone.block5]
        self.decoders = {
            level: Decoder(known_as(ConspicuityNet, model.conspicuity[str(level)]), shape[1], cast)
            for level, shape in model.config.level_shapes.items()
        }

    def begin(self, n_windows: int | None = None) -> Push:
        """Begin a clip; see `hd2s.models.contract.Stream`."""
        sweep = Sweep(self.first, n_windows)

        def push(frames: Tensor) -> Tensor | None:
            taps = sweep.push(frames[0].permute(1, 2, 3, 0).to(self.dtype))
            return None if taps is None else self.rest(taps)

        return push

    def rest(self, level1: Tensor) -> Tensor:
        """Map the first tap's features (B, T/2, H/8, W/8, 192) to saliency maps, float32 (B, H, W)."""
        taps = {1: level1}
        parts = level1.split(_WINDOWS_OF_BLOCK3) if level1.device.type == "cpu" else [level1]
        taps[2] = torch.cat([max_pool(run(self.block3, part), 3, 2, 1) for part in parts])
        taps[3] = max_pool(run(self.block4, taps[2]), 2, 2, 0)
        taps[4] = run(self.block5, taps[3])
        maps = torch.cat([self._map(level, taps[level]) for level in self.decoders], dim=1)
        return self.model.smooth(self.model.fuse(maps, self.domain), self.domain)

    def _map(self, level: int, tap: Tensor) -> Tensor:
        features = self.decoders[level].remove_time(tap)
        if self.model.priors:
            features = self.model.priors[str(level)](features, self.domain)
        return self.decoders[level].decode(features)


class Decoder:
    """Temporal removal, decoder stages and head of a level (`hd2s.models.hd2s.conspicuity`)."""

    def __init__(self, net: ConspicuityNet, length: int, cast: Casting):
        self.removal = []
        for unit in net.temporal_removal:
            self.removal.append(TimeConv(known_as(ConvUnit, unit), length, cast))
            length = self.removal[-1].length
        self.layers: list[Layer] = []
        for stage in (known_as(DecoderStage, stage) for stage in net.stages):
            for unit in stage:
                self.layers += _convolutions(unit, cast, doubled=bool(self.layers) and unit is stage[0])
        self.head = cast.place(net.head.weight), cast.place(net.head.get_parameter("bias"))

    def remove_time(self, features: Tensor) -> Tensor:
        """Map (B, T, H, W, C) to (B, C, H, W)."""
        return run(self.removal, features).squeeze(1).permute(0, 3, 1, 2)

    def decode(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to a conspicuity map (B, 1, 2ⁿ·H, 2ⁿ·W), n the number of stages."""
        for layer in self.layers:
            x = layer(x).relu_()
        # The head and the last doubling commute; in this order one channel is doubled instead of three.
        x = F.conv2d(x, *self.head).float()
        return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False).sigmoid_()


def _convolutions(unit: nn.Module, cast: Casting, *, doubled: bool) -> list[Layer]:
    """Return the convolutions of a decoder's unit, each to be followed by a ReLU.

    Args:
        unit: of a decoder's stage.
        cast: where the folded weights live, and whose domain's they are.
        doubled: the unit's input is still to be doubled in size, and its first convolution does it.
    """
    parts: list[tuple[nn.Conv2d, BatchNorm]]
    if isinstance(unit, Conv2dUnit):
        parts = [(unit.conv, unit.norm)]
    elif isinstance(unit, DepthwiseSeparableConv):
        parts = [(unit.depthwise, unit.depthwise_norm), (unit.pointwise, unit.pointwise_norm)]
    else:
        raise TypeError(f"no folded form of {type(unit).__name__}")
    layers: list[Layer] = []
    for conv, norm in parts:
        weight, bias = map(cast.place, cast.fold(conv, norm))
        if doubled and not layers:
            layers.append(UpsampledConv(weight, bias))
        else:
            as_it_is = {"padding": conv.padding, "groups": conv.groups}
            layers.append(partial(F.conv2d, weight=weight, bias=bias, **as_it_is))
    return layers
