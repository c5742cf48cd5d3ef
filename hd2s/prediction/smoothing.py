"""The final Gaussian of predicted maps."""

from __future__ import annotations

import torch
from torch import Tensor

from hd2s.filters import gaussian_matrix
from hd2s.layers.matrices import on_device
from hd2s.layers.precision import full_precision


def gaussian_smooth(maps: Tensor, sigma: float) -> Tensor:
    """Smooth float maps (..., H, W) by a Gaussian of σ pixels, in float32.

    Equal to `scipy.ndimage.gaussian_filter` with its defaults on each map (radius 4σ, border mirrored).
    """
    rows, columns = (
        on_device(gaussian_matrix, side, sigma, dtype=torch.float32, device=maps.device)
        for side in maps.shape[-2:]
    )
    with full_precision(maps.device):  # a caller's bfloat16 would leave steps in the map
        return rows @ maps.float() @ columns.T
