"""What clips must be, as they are given to a model."""

from __future__ import annotations

import torch
from torch import Tensor

from hd2s.models.config import Input


def check_clips(clips: Tensor, input: Input) -> None:
    """Raise ValueError unless clips are (B, 3, T, H, W) of a model's size."""
    expected = (3, input.frames, input.height, input.width)
    if clips.dim() != 5 or clips.shape[1:] != expected:
        raise ValueError(
            f"This model takes clips of shape (B, 3, T, H, W) with (3, T, H, W) = {expected}, "
            f"found {tuple(clips.shape)}: resize them, or build it with their size."
        )


def check_bytes(clips: Tensor) -> None:
    """Raise ValueError unless clips are uint8 (B, T, H, W, 3)."""
    if clips.dtype != torch.uint8 or clips.ndim != 5 or clips.shape[-1] != 3:
        raise ValueError(f"expected clips uint8 (B, T, H, W, 3), found {clips.dtype} {tuple(clips.shape)}")
