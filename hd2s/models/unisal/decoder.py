"""What makes one map of encoded frames: post-CNN, skip connections, inverted residuals (Table 1)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hd2s.layers.domains import DomainBatchNorm2d
from hd2s.models.unisal.config import UnisalConfig
from hd2s.models.unisal.mobilenet import ConvNorm

UPSAMPLED = 8
"""How many times smaller the sides of the decoder's features are than the frame's."""

_EXPANSION = 2


class PostCNN(nn.Module):
    """A separable convolution; its batch norms are all domains', as released, of the momentum of videos."""

    def __init__(self, channels_in: int, channels_out: int, momentum: float):
        super().__init__()
        self.depthwise = ConvNorm(channels_in, channels_in, 3, depthwise=True)
        self.pointwise = ConvNorm(channels_in, channels_out, rectified=False)
        for unit in (self.depthwise, self.pointwise):
            unit.norm.momentum = momentum

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, O, H, W)."""
        return self.pointwise(self.depthwise(x))


class DomainUnit(nn.Module):
    """Convolution, the batch norm of a domain (eps 1e-5), and a ReLU6 if it is `rectified`."""

    def __init__(
        self,
        config: UnisalConfig,
        conv: nn.Conv2d,
        *,
        rectified: bool = True,
    ):
        super().__init__()
        keys = config.keys(config.domain_batch_norm)
        self.conv, self.rectified = conv, rectified
        self.norm = DomainBatchNorm2d(conv.out_channels, keys, {key: config.momentum(key) for key in keys})

    def forward(self, x: Tensor, key: str) -> Tensor:
        """Map (N, C, H, W) to (N, O, H, W)."""
        x = self.norm(self.conv(x), key)
        return F.relu6(x) if self.rectified else x


class SkipConnection(nn.Module):
    """Shallow features on their way to the decoder."""

    def __init__(self, config: UnisalConfig, channels: int, hidden: int, channels_out: int):
        super().__init__()
        self.expansion = DomainUnit(config, nn.Conv2d(channels, hidden, 1, bias=False))
        self.dropout = nn.Dropout2d(config.skip_dropout)
        self.reduction = DomainUnit(config, nn.Conv2d(hidden, channels_out, 1), rectified=False)

    def forward(self, x: Tensor, key: str) -> Tensor:
        """Map (N, C, H, W) to (N, O, H, W)."""
        return self.reduction(self.dropout(self.expansion(x, key)), key)


class _Spread(nn.Conv2d):
    """A convolution without bias whose first weights are as large as keeps a layer's variance."""

    def reset_parameters(self) -> None:
        """Draw weights of variance 2 / (k² · output channels), in depthwise convolutions as well."""
        area = math.prod(self.kernel_size)
        nn.init.normal_(self.weight, 0, math.sqrt(2 / (area * self.out_channels)))


class Decoding(nn.Module):
    """An inverted residual without residual."""

    def __init__(self, config: UnisalConfig, channels: int, channels_out: int):
        super().__init__()
        hidden = _EXPANSION * channels
        self.expand = DomainUnit(config, _Spread(channels, hidden, 1, bias=False))
        self.depthwise = DomainUnit(config, _Spread(hidden, hidden, 3, padding=1, groups=hidden, bias=False))
        self.project = DomainUnit(config, _Spread(hidden, channels_out, 1, bias=False), rectified=False)

    def forward(self, inputs: Sequence[Tensor], key: str) -> Tensor:
        """Map what joins (N, C, H, W), C in all, to (N, O, H, W)."""
        return self.project(self.depthwise(self.expand(joined(inputs), key), key), key)


def joined(inputs: Sequence[Tensor]) -> Tensor:
    """Return maps (N, C, H, W) side by side."""
    return inputs[0] if len(inputs) == 1 else torch.cat(list(inputs), 1)


def doubled(x: Tensor) -> Tensor:
    """Return (N, C, 2H, 2W) of (N, C, H, W), interpolated."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
