"""Colours of clips that a model has normalised, for what changes colours."""

from __future__ import annotations

import torch
from torch import Tensor

from hd2s.models.contract import SaliencyModel


def to_pixels(model: SaliencyModel, clips: Tensor) -> Tensor:
    """Return normalised clips (B, 3, T, H, W) as colours from 0 to 1, in which they are affine."""
    black, white = _ends(model, clips)
    return (clips - black) / (white - black)


def from_pixels(model: SaliencyModel, colours: Tensor) -> Tensor:
    """Return colours as the model takes them, in the memory order of its own."""
    black, white = _ends(model, colours)
    clips = black + colours * (white - black)
    return clips.contiguous(memory_format=torch.channels_last_3d)


def _ends(model: SaliencyModel, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return what becomes of black and white, (1, 3, 1, 1, 1)."""
    # Made there: a GPU would be waited for by a copy from the processor.
    both = torch.arange(0, 256, 255, dtype=torch.uint8, device=like.device)
    black, white = (
        model.normalise(both[None, None, None, :, None].repeat(1, 1, 1, 1, 3)).to(like.dtype).split(1, -1)
    )
    return black, white
