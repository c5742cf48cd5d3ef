"""The learnt filter that blurs an upsampled map, computed before it is upsampled."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 41
"""Of the filter, in pixels."""

_RADIUS = SIDE // 2
_SPREAD = 0.1353352832366127  # e⁻², of the first Gaussian's σ in the filter's sides


class LearnedSmoothing(nn.Module):
    """A free filter of 41 × 41 behind an upsampling that repeats pixels; the border goes on beyond itself.

    Pixels that are repeated meet sums of the filter's values, and there are few of these: a filter of 7 × 7
    for each place within a repeated pixel does with 1/34 of the multiplications what 41 × 41 do after it.

    Attributes:
        weight: (1, 1, 41, 41).
    """

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, 1, SIDE, SIDE))

    def reset_parameters(self) -> None:
        """Start from a Gaussian of sum 1."""
        offsets = torch.arange(SIDE, dtype=torch.float64) - _RADIUS
        profile = torch.exp(-0.5 * (offsets / (_SPREAD * SIDE)) ** 2)
        kernel = profile[:, None] * profile
        with torch.no_grad():
            self.weight.copy_(kernel / kernel.sum())

    def forward(self, x: Tensor, factor: int) -> Tensor:
        """Upsample (N, 1, H, W) `factor` times, and filter: (N, 1, factor · H, factor · W)."""
        return filtered(x, self.places(factor), factor)

    def places(self, factor: int) -> Tensor:
        """Return the filter of each place within a repeated pixel: (factor², 1, K, K)."""
        meets = _meets(factor, self.weight)
        sums = torch.einsum("iud,de,jve->ijuv", meets, self.weight[0, 0], meets)
        return sums.flatten(0, 1)[:, None]


def filtered(x: Tensor, places: Tensor, factor: int) -> Tensor:
    """Return (N, 1, factor · H, factor · W) of (N, 1, H, W), by `LearnedSmoothing.places`."""
    reach = places.shape[-1] // 2
    padded = F.pad(x, (reach, reach, reach, reach), mode="replicate")
    return F.pixel_shuffle(F.conv2d(padded, places), factor)


def _meets(factor: int, like: Tensor) -> Tensor:
    """Tell which taps of a filter at each place in a repeated pixel fall on which pixel: (factor, K, 41)."""
    reach, count = -(-_RADIUS // factor), partial(torch.arange, device=like.device)
    at = count(factor)[:, None] + count(-_RADIUS, _RADIUS + 1)
    pixel = torch.div(at, factor, rounding_mode="floor") + reach
    return (pixel[:, None, :] == count(2 * reach + 1)[:, None]).to(like.dtype)
