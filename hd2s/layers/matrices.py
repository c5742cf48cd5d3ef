"""Matrices of filters (`hd2s.filters`) where they are used."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor


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
