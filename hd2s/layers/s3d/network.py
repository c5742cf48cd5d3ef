"""S3D, the feature extractor of HD2S (Sect. 3.2), with taps at four levels of abstraction."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from hd2s.layers.batch_norm import BatchNorm3d, rectified
from hd2s.layers.convolution import Conv3d, MaxPool3d, Triple

# Output channels of the mixed blocks: 1×1×1; 1×1×1 then separable 3×3×3; the same again; pool then 1×1×1.
_MIXED3 = ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64))
_MIXED4 = (
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
)
_MIXED5 = ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128))


class ConvUnit(nn.Module):
    """3-D convolution (`hd2s.layers.convolution.Conv3d`), batch norm (eps 1e-3), ReLU."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: Triple = (1, 1, 1),
        stride: Triple = (1, 1, 1),
        padding: Triple | None = None,
        *,
        bn_momentum: float,
    ):
        super().__init__()
        self.conv = Conv3d(channels_in, channels_out, kernel, stride, padding)
        self.norm = BatchNorm3d(channels_out, eps=1e-3, momentum=bn_momentum)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, T, H, W) to (B, O, T', H', W')."""
        return rectified(self.norm, self.conv(x))


class SeparableConv(nn.Module):
    """A k×k×k convolution factorised into space (1×k×k), then time (k×1×1)."""

    def __init__(self, channels_in: int, channels_out: int, k: int, stride: int = 1, *, bn_momentum: float):
        super().__init__()
        s = stride
        self.spatial = ConvUnit(channels_in, channels_out, (1, k, k), (1, s, s), bn_momentum=bn_momentum)
        self.temporal = ConvUnit(channels_out, channels_out, (k, 1, 1), (s, 1, 1), bn_momentum=bn_momentum)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, T, H, W) to (B, O, T', H', W')."""
        return self.temporal(self.spatial(x))


class Mixed(nn.Module):
    """Inception block: four branches side by side, concatenated over channels."""

    def __init__(self, channels_in: int, widths: tuple[int, ...], *, bn_momentum: float):
        super().__init__()
        unit = partial(ConvUnit, bn_momentum=bn_momentum)
        separable = partial(SeparableConv, bn_momentum=bn_momentum)
        b0, b1_in, b1, b2_in, b2, b3 = widths
        self.channels = b0 + b1 + b2 + b3
        self.branch0 = nn.Sequential(unit(channels_in, b0))
        self.branch1 = nn.Sequential(unit(channels_in, b1_in), separable(b1_in, b1, 3))
        self.branch2 = nn.Sequential(unit(channels_in, b2_in), separable(b2_in, b2, 3))
        self.branch3 = nn.Sequential(MaxPool3d((3, 3, 3), (1, 1, 1), (1, 1, 1)), unit(channels_in, b3))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, T, H, W) to (B, b0 + b1 + b2 + b3, T, H, W)."""
        return torch.cat([self.branch0(x), self.branch1(x), self.branch2(x), self.branch3(x)], dim=1)


def _mixed_stage(channels: int, blocks: tuple[tuple[int, ...], ...], *, bn_momentum: float) -> nn.Sequential:
    stage = nn.Sequential()
    for widths in blocks:
        block = Mixed(channels, widths, bn_momentum=bn_momentum)
        stage.append(block)
        channels = block.channels
    return stage


class S3D(nn.Module):
    """S3D (Xie et al., ECCV 2018) up to its average pool.

    Args:
        bn_momentum: the share of each batch in the running statistics of batch norm.
    """

    def __init__(self, *, bn_momentum: float):
        super().__init__()
        separable = partial(SeparableConv, bn_momentum=bn_momentum)
        stage = partial(_mixed_stage, bn_momentum=bn_momentum)
        self.block1 = nn.Sequential(separable(3, 64, 7, stride=2))
        self.pool1 = MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
        self.block2 = nn.Sequential(ConvUnit(64, 64, bn_momentum=bn_momentum), separable(64, 192, 3))
        self.pool2 = MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
        self.block3 = stage(192, _MIXED3)
        self.pool3 = MaxPool3d((3, 3, 3), (2, 2, 2), (1, 1, 1))
        self.block4 = stage(480, _MIXED4)
        self.pool4 = MaxPool3d((2, 2, 2), (2, 2, 2))
        self.block5 = stage(832, _MIXED5)

    def forward(self, clips: Tensor) -> dict[int, Tensor]:
        """Map clips (B, 3, T, H, W) to level → features (B, C, T', H', W') of `shapes.feature_shapes`.

        The taps are those of Sect. 3.2: after the second, third and fourth pool, and at the end.
        """
        level1 = self.pool2(self.block2(self.pool1(self.block1(clips))))
        level2 = self.pool3(self.block3(level1))
        level3 = self.pool4(self.block4(level2))
        return {1: level1, 2: level2, 3: level3, 4: self.block5(level3)}
