"""Conspicuity networks: one level's features become one conspicuity map (Sect. 3.3)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from hd2s.factorised import Conv2d
from hd2s.s3d import CHANNELS, ConvUnit

# Per level, the (width, number of convolutions) of each decoder stage.
_STAGES = {
    1: ((128, 2), (64, 2), (3, 2)),
    2: ((256, 2), (128, 2), (64, 2), (3, 2)),
    3: ((512, 3), (256, 3), (128, 2), (64, 2), (3, 2)),
    4: ((512, 3), (256, 3), (128, 2), (64, 2), (3, 2)),
}


class Conv2dUnit(nn.Module):
    """3×3 convolution, batch norm (eps 1e-3), ReLU."""

    def __init__(self, channels_in: int, channels_out: int, *, bn_momentum: float):
        super().__init__()
        self.conv = Conv2d(channels_in, channels_out, 3)
        self.norm = nn.BatchNorm2d(channels_out, eps=1e-3, momentum=bn_momentum)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, O, H, W)."""
        return F.relu_(self.norm(self.conv(x)))


class DepthwiseSeparableConv(nn.Module):
    """3×3 convolution within each channel, then 1×1 across them, each with batch norm (defaults) and ReLU."""

    def __init__(self, channels: int):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.depthwise_norm = nn.BatchNorm2d(channels)
        self.pointwise = Conv2d(channels, channels, 1)
        self.pointwise_norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        x = F.relu_(self.depthwise_norm(self.depthwise(x)))
        return F.relu_(self.pointwise_norm(self.pointwise(x)))


def _decoder_stage(channels_in: int, width: int, convolutions: int, *, bn_momentum: float) -> nn.Sequential:
    separable = (DepthwiseSeparableConv(width) for _ in range(convolutions - 1))
    return nn.Sequential(Conv2dUnit(channels_in, width, bn_momentum=bn_momentum), *separable)


class ConspicuityNet(nn.Module):
    """Temporal removal, decoder and head of one level (1..4, shallowest first).

    The level's features have `length` time steps. Convolutions of stride 2 along time, which turn n steps
    into ⌈n / 2⌉, are repeated until one step is left: 3, 2, 1, 1 times at the paper's T = 16; 2, 1, 0, 0
    times at T = 8, where pooling alone leaves the two deepest levels a single step.
    """

    def __init__(self, level: int, length: int, *, bn_momentum: float):
        super().__init__()
        channels = CHANNELS[level - 1]
        halvings = (length - 1).bit_length()
        self.temporal_removal = nn.Sequential(
            *(
                ConvUnit(channels, channels, (3, 1, 1), (2, 1, 1), bn_momentum=bn_momentum)
                for _ in range(halvings)
            )
        )
        self.stages = nn.Sequential()
        for width, convolutions in _STAGES[level]:
            self.stages.append(_decoder_stage(channels, width, convolutions, bn_momentum=bn_momentum))
            channels = width
        self.head = nn.Conv2d(channels, 1, 1)

    def remove_time(self, features: Tensor) -> Tensor:
        """Map the level's features (B, C, length, H, W) to (B, C, H, W)."""
        return self.temporal_removal(features).squeeze(2)

    def decode(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to a conspicuity map (B, 1, 2ⁿ·H, 2ⁿ·W) in (0, 1), n the number of stages."""
        for stage in self.stages:
            features = F.interpolate(stage(features), scale_factor=2, mode="bilinear", align_corners=False)
        return self.head(features).sigmoid()
