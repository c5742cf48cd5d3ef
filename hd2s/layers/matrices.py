"""Matrices where they are used: filters (`hd2s.filters`) on their device, and products with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

# PyTorch has products from MKL, which uses half the width of AMD's AVX-512. oneDNN uses all of it, and gets
# convolutions, with one thread those of so many images: 6,144×128 by 128×192 takes 0.45 of the time as one,
# and 0.85 where there is AVX2 alone.
_IMAGES = 16


@lru_cache(maxsize=32)
def on_device(
    make: Callable[..., np.ndarray], *arguments: float, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return a filter's matrix, shared between calls and never to be written to.

    It is copied once: a copy from the processor waits until a GPU has done all that it was given. Not for
    what is recorded as a CUDA graph, which would go on reading one that was given up for others.

    Args:
        make: of `hd2s.filters`.
        arguments: its own.
        dtype: that it is rounded to.
        device: where.
    """
    # What inference mode makes can be part of no gradient later on.
    with torch.inference_mode(False):
        return torch.tensor(make(*arguments), dtype=dtype, device=device)


def mix_channels(x: Tensor, matrix: Tensor) -> Tensor:
    """Return the product (…, O) of `x` (…, C) and `matrix` (C, O)."""
    channels, places = x.shape[-1], x.shape[:-1]
    if x.device.type != "cpu" or x.dtype != torch.float32 or places.numel() % _IMAGES:
        return x @ matrix
    images = x.reshape(_IMAGES, -1, 1, channels).permute(0, 3, 1, 2)
    mixed = F.conv2d(images, matrix.T[:, :, None, None])
    return mixed.permute(0, 2, 3, 1).reshape(*places, -1)


def add_mixed(total: Tensor, x: Tensor, matrix: Tensor) -> None:
    """Add the product of `x` (…, C) and `matrix` (C, O) to `total` (…, O), in place."""
    if x.device.type == "cpu":
        total.add_(mix_channels(x, matrix))
    else:
        # One kernel: memory bounds a GPU, where a product by itself is written and read once more.
        flat = total.view(-1, total.shape[-1])
        torch.addmm(flat, x.flatten(0, -2), matrix, out=flat)
