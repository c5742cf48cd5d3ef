"""TASED-Net's prediction network: encoded features become one map, of full size and a single step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from hd2s.layers.batch_norm import BatchNorm3d, rectified
from hd2s.layers.convolution import ConvTranspose3d, Triple
from hd2s.layers.precision import full_precision
from hd2s.layers.s3d.network import ConvUnit
from hd2s.models.tased.config import TasedConfig
from hd2s.models.tased.unpooling import unpool

_DOUBLING: tuple[Triple, Triple] = (1, 4, 4), (1, 2, 2)  # kernel and stride
_WIDTHS = (832, 480, 192)  # of the three stages before the aggregation
_FULL, _LAST = 64, 4  # channels while and after time is summed up


class TransposedUnit(nn.Module):
    """Transposed 3-D convolution without bias, batch norm (eps 1e-3), ReLU."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: Triple,
        stride: Triple = (1, 1, 1),
        *,
        bn_momentum: float,
    ):
        super().__init__()
        self.conv = ConvTranspose3d(channels_in, channels_out, kernel, stride)
        self.norm = BatchNorm3d(channels_out, eps=1e-3, momentum=bn_momentum)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, T, H, W) to (B, O, T, H', W')."""
        return rectified(self.norm, self.conv(x))


class Interpolated(nn.Module):
    """Frames of twice the height and width, interpolated."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, T, H, W) to (B, C, T, 2H, 2W)."""
        return F.interpolate(x, scale_factor=(1, 2, 2), mode="trilinear", align_corners=False)


class PredictionNetwork(nn.Module):
    """A redistribution of channels, three stages of doubling, and the aggregation of time."""

    def __init__(self, config: TasedConfig):
        super().__init__()
        momentum = config.bn_momentum
        self.redistribution = ConvUnit(1024, 1024, bn_momentum=momentum)
        widths = zip((1024, *_WIDTHS[:-1]), _WIDTHS, strict=True)
        self.stages = nn.ModuleList(TransposedUnit(c, o, (1, 3, 3), bn_momentum=momentum) for c, o in widths)
        # Empty where places tell how to double.
        self.doublings = nn.ModuleList()
        for channels in _WIDTHS if config.upsampling != "unpooling" else ():
            doubling = TransposedUnit(channels, channels, *_DOUBLING, bn_momentum=momentum)
            self.doublings.append(doubling if config.upsampling == "transposed" else Interpolated())
        self.aggregation = nn.Sequential(*_aggregation(config))
        self.head = nn.Conv3d(_LAST, 1, 1)

    def forward(self, x: Tensor, places: Sequence[Tensor], sizes: Sequence[tuple[int, int]]) -> Tensor:
        """Map the encoder's features (B, 1024, T/8, H/32, W/32) to a map before its sigmoid, (B, H, W).

        Args:
            x: the features.
            places: of the encoder's maxima, deepest first, as `hd2s.models.tased.unpooling` gives them.
            sizes: of the frames that they lie in.
        """
        x = self.redistribution(x)
        for stage, depth in zip(self.stages, range(len(self.stages)), strict=True):
            x = stage(x)
            x = self.doublings[depth](x) if self.doublings else unpool(x, places[depth], sizes[depth])
        x = self.aggregation(x)
        with full_precision(x.device):
            return self.head(x.to(self.head.weight.dtype))[:, 0, 0]


def _aggregation(config: TasedConfig) -> Iterator[nn.Module]:
    """Yield what makes one full-sized map of T/8 quarter-sized ones (Sect. 3.4); p = 2 and q = T/16."""
    channels, momentum = _WIDTHS[-1], config.bn_momentum
    p, q = 2, config.clip_length // 16

    def doubling(channels_in: int, channels_out: int) -> nn.Module:
        return TransposedUnit(channels_in, channels_out, *_DOUBLING, bn_momentum=momentum)

    def temporal(width: int, k: int) -> nn.Module:
        return ConvUnit(width, width, (k, 1, 1), (k, 1, 1), (0, 0, 0), bn_momentum=momentum)

    first, second = doubling(channels, _FULL), doubling(_FULL, _LAST)
    if config.aggregation == "released":
        narrowing = TransposedUnit(_FULL, _LAST, (1, 1, 1), bn_momentum=momentum)
        yield from (first, temporal(_FULL, p), narrowing, temporal(_LAST, q))
        # Nothing follows it in the released network, neither batch norm nor ReLU.
        yield ConvTranspose3d(_LAST, _LAST, *_DOUBLING)
    elif config.aggregation == "late":
        yield from (first, second, temporal(_LAST, p * q))
    elif config.aggregation == "early two-step":
        yield from (temporal(channels, p), first, temporal(_FULL, q), second)
    else:
        yield from (first, temporal(_FULL, p), second, temporal(_LAST, q))
