"""Conspicuity networks: one level's features become one conspicuity map (Sect. 3.3)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn
from torch.nn import functional as F

from hd2s.layers.convolution import Conv2d
from hd2s.layers.domains import DomainBatchNorm2d
from hd2s.layers.precision import full_precision
from hd2s.layers.s3d.network import ConvUnit
from hd2s.layers.s3d.shapes import CHANNELS

# Per level, the (width, number of convolutions) of each decoder stage.
_STAGES = {
    1: ((128, 2), (64, 2), (3, 2)),
    2: ((256, 2), (128, 2), (64, 2), (3, 2)),
    3: ((512, 3), (256, 3), (128, 2), (64, 2), (3, 2)),
    4: ((512, 3), (256, 3), (128, 2), (64, 2), (3, 2)),
}


# The convolutions along time of the published model, for 8, 4, 2 and 2 steps at T = 16.
_REMOVALS = {1: 3, 2: 2, 3: 1, 4: 1}

DomainNorm = Callable[[int], DomainBatchNorm2d]
"""Channels → a batch norm that is specific to domains."""


def _normalise(norm: nn.Module, x: Tensor, domain: str | None) -> Tensor:
    return norm(x, domain) if isinstance(norm, DomainBatchNorm2d) else norm(x)


class Conv2dUnit(nn.Module):
    """3×3 convolution, batch norm (eps 1e-3 unless domain-specific), ReLU."""

    def __init__(
        self, channels_in: int, channels_out: int, *, bn_momentum: float, domain_norm: DomainNorm | None
    ):
        super().__init__()
        self.conv = Conv2d(channels_in, channels_out, 3)
        shared = nn.BatchNorm2d(channels_out, eps=1e-3, momentum=bn_momentum)
        self.norm = domain_norm(channels_out) if domain_norm else shared

    def forward(self, x: Tensor, domain: str | None = None) -> Tensor:
        """Map (B, C, H, W) to (B, O, H, W)."""
        return F.relu_(_normalise(self.norm, self.conv(x), domain))


class DepthwiseSeparableConv(nn.Module):
    """3×3 convolution within each channel, then 1×1 across them, each with batch norm and ReLU.

    The batch norms have PyTorch's constants unless they are domain-specific.
    """

    def __init__(self, channels: int, *, domain_norm: DomainNorm | None):
        super().__init__()
        norm = domain_norm or nn.BatchNorm2d
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.depthwise_norm = norm(channels)
        self.pointwise = Conv2d(channels, channels, 1)
        self.pointwise_norm = norm(channels)

    def forward(self, x: Tensor, domain: str | None = None) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        x = F.relu_(_normalise(self.depthwise_norm, self.depthwise(x), domain))
        return F.relu_(_normalise(self.pointwise_norm, self.pointwise(x), domain))


class DecoderStage(nn.Sequential):
    """The convolutions of a decoder at one size; they then leave it to be doubled."""

    def forward(self, x: Tensor, domain: str | None = None) -> Tensor:
        """Map (B, C, H, W) to (B, O, H, W)."""
        for unit in self:
            x = unit(x, domain)
        return x


class ConspicuityNet(nn.Module):
    """Temporal removal, decoder and head of one level.

    Convolutions of stride 2 along time turn n steps into ⌈n / 2⌉. As in the published model there are 3, 2,
    1, 1 of them, and one more for each doubling of T beyond 16. At T = 8 the last one of each level meets a
    single step: the authors' T = 8 baseline keeps the temporal convolution of T = 16 (arXiv 2010.01220v1,
    Sect. 5), and so weights serve both lengths.

    Args:
        level: 1..4, shallowest first.
        length: time steps of the level's features.
        bn_momentum: of the batch norms of temporal removal and of the first convolution of each stage.
        channels_extra: channels that will be appended to the features before `decode`.
        domain_norm: makes the batch norms of the decoder, among which `domain` chooses; None for shared ones.
    """

    def __init__(
        self,
        level: int,
        length: int,
        *,
        bn_momentum: float,
        channels_extra: int = 0,
        domain_norm: DomainNorm | None = None,
    ):
        super().__init__()
        channels = CHANNELS[level - 1]
        removals = max(_REMOVALS[level], (length - 1).bit_length())
        unit = partial(ConvUnit, kernel=(3, 1, 1), stride=(2, 1, 1), bn_momentum=bn_momentum)
        self.temporal_removal = nn.Sequential(*(unit(channels, channels) for _ in range(removals)))
        channels += channels_extra
        self.stages = nn.Sequential()
        for width, convolutions in _STAGES[level]:
            separable = (
                DepthwiseSeparableConv(width, domain_norm=domain_norm) for _ in range(1, convolutions)
            )
            first = Conv2dUnit(channels, width, bn_momentum=bn_momentum, domain_norm=domain_norm)
            self.stages.append(DecoderStage(first, *separable))
            channels = width
        self.head = nn.Conv2d(channels, 1, 1)

    def remove_time(self, features: Tensor) -> Tensor:
        """Map the level's features (B, C, length, H, W) to (B, C, H, W)."""
        return self.temporal_removal(features).squeeze(2)

    def decode(self, features: Tensor, domain: str | None = None) -> Tensor:
        """Map (B, C, H, W) to a conspicuity map (B, 1, 2ⁿ·H, 2ⁿ·W) in (0, 1), n the number of stages."""
        for stage in self.stages:
            features = stage(features, domain)
            features = F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
        with full_precision(features.device):
            return self.head(features.to(self.head.weight.dtype)).sigmoid()
