"""MobileNetV2 without its classifier, with two of its inner layers tapped before they stride."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

# Expansion, channels, blocks and the stride of the first of them.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_FIRST = 32
ENCODED = 1280
"""Channels of the encoder's output."""


class Tapped(NamedTuple):
    """What the encoder finds in frames (N, 3, H, W).

    Attributes:
        quarter: (N, 64, H/8, W/8), four times the encoded sides.
        half: (N, 160, H/16, W/16), twice the encoded sides.
        encoded: (N, 1280, H/32, W/32).
    """

    quarter: Tensor
    half: Tensor
    encoded: Tensor


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm (eps 1e-5), and a ReLU6 if it is `rectified`."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int = 1,
        stride: int = 1,
        *,
        depthwise: bool = False,
        rectified: bool = True,
    ):
        super().__init__()
        groups = channels_in if depthwise else 1
        self.conv = nn.Conv2d(
            channels_in, channels_out, kernel, stride, kernel // 2, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(channels_out)
        self.rectified = rectified

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, O, H', W')."""
        x = self.norm(self.conv(x))
        return F.relu6(x) if self.rectified else x


class InvertedResidual(nn.Module):
    """Expansion, a depthwise convolution and projection.

    Attributes:
        tapped: its output is wanted as it is before it strides; who takes it takes every second row and
            column of that.
    """

    def __init__(self, channels_in: int, channels_out: int, expansion: int, stride: int, *, tapped: bool):
        super().__init__()
        hidden = channels_in * expansion
        self.tapped, self.residual = tapped, stride == 1 and channels_in == channels_out
        self.expand = ConvNorm(channels_in, hidden) if expansion > 1 else None
        # Computed on the whole grid and thinned out, a layer in evaluation gives what a strided one gives.
        self.depthwise = ConvNorm(hidden, hidden, 3, 1 if tapped else stride, depthwise=True)
        self.project = ConvNorm(hidden, channels_out, rectified=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, O, H', W'), as large where it is tapped."""
        y = x if self.expand is None else self.expand(x)
        y = self.project(self.depthwise(y))
        return x + y if self.residual else y


class MobileNetV2(nn.Module):
    """The encoder; its layers are numbered as in the public files of its weights."""

    def __init__(self):
        super().__init__()
        self.features = nn.ModuleList(_layers())

    def forward(self, frames: Tensor) -> Tapped:
        """Encode frames (N, 3, H, W), sides divisible by 32."""
        taps, x = [], frames
        for layer in self.features:
            x = layer(x)
            if getattr(layer, "tapped", False):
                taps.append(x)
                x = x[..., ::2, ::2]
        quarter, half = taps
        return Tapped(quarter, half, x)


def _layers() -> Iterator[nn.Module]:
    channels = _FIRST
    yield ConvNorm(3, channels, 3, 2)
    for expansion, width, blocks, first_stride in _STAGES:
        for block in range(blocks):
            stride = 1 if block else first_stride
            tapped = stride > 1 and width in (64, 160)
            yield InvertedResidual(channels, width, expansion, stride, tapped=tapped)
            channels = width
    yield ConvNorm(channels, ENCODED)
