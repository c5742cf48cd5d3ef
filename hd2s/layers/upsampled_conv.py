"""A 3×3 convolution of a map that has been doubled in size, computed before the doubling.

Between a decoder's upsampling and its next convolution there is nothing but linear maps, and those that mix
channels commute with those that mix positions. The convolution is a sum over its taps (y, x): channels mixed
by that tap's weights W_yx, rows by S_y U, columns by S_x U, where U doubles an axis (bilinear) and S shifts
it by the tap, with zeros beyond the border. The weights act first, on a quarter of the positions: a quarter
of the products, and the map at its full size with all its channels is never made.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional as F

from hd2s.layers.matrices import mix_channels

# Matrices with fewer columns use a processor badly: one larger product, mostly with zeros, is faster then.
_FEW_CHANNELS = 16


class UpsampledConv:
    """`conv2d(interpolate(x, scale_factor=2, mode="bilinear"), weight, bias, padding=1)`, up to rounding.

    The matrices of the axes are made for every size that occurs. A GPU, which would wait for small products,
    does as it is written.

    Args:
        weight: (O, C, 3, 3).
        bias: (O,).
    """

    def __init__(self, weight: Tensor, bias: Tensor):
        self.weight, self.bias = weight, bias
        # Per row of taps (C, 3·O): the products of one row lie side by side, as its columns are summed.
        self.taps = [row.permute(1, 2, 0).flatten(1).contiguous() for row in weight.unbind(2)]

    def __call__(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) in channels-last memory to (B, O, 2H, 2W) in the same."""
        if x.device.type != "cpu":
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            return F.conv2d(x, self.weight, self.bias, padding=1)
        batch, channels, height, width = x.shape
        pixels = x.permute(0, 2, 3, 1).reshape(-1, channels)
        total = self.bias.repeat(2 * width)
        rows = _shifted_doubling(height, x.dtype, x.device)
        for row, taps in zip(rows.unbind(0), self.taps, strict=True):
            wide = _mix_columns(mix_channels(pixels, taps).view(batch * height, 3 * width, -1))
            total = torch.baddbmm(total, row.expand(batch, -1, -1), wide.view(batch, height, -1))
        return total.view(batch, 2 * height, 2 * width, -1).permute(0, 3, 1, 2)


def _mix_columns(products: Tensor) -> Tensor:
    """Sum the products (N, 3W, O) of a row of taps, its columns and taps in one, to (N, 2W, O)."""
    n, threefold, channels = products.shape
    columns = _columns(threefold // 3, channels, products.dtype, products.device)
    if channels < _FEW_CHANNELS:
        return mix_channels(products.flatten(1), columns)
    return torch.bmm(columns.expand(n, -1, -1), products)


@lru_cache(maxsize=32)
def _columns(n: int, channels: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the sum over an axis of `n` and its taps: (2n, 3n), or (3n·O, 2n·O) for few channels."""
    columns = _shifted_doubling(n, dtype, device).permute(1, 2, 0).flatten(1)
    if channels < _FEW_CHANNELS:
        return torch.kron(columns.contiguous(), torch.eye(channels).to(columns)).T.contiguous()
    return columns


@lru_cache(maxsize=32)
def _shifted_doubling(n: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return what the three taps along an axis of `n` see of it doubled: (3, 2n, n)."""
    doubled = F.interpolate(torch.eye(n)[None], scale_factor=2, mode="linear", align_corners=False)[0].T
    padded = F.pad(doubled, (0, 0, 1, 1))
    return torch.stack([padded[tap : tap + 2 * n] for tap in range(3)]).to(device, dtype)
