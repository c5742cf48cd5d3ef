"""What UNISAL is given: sequences of frames, as colours of ImageNet."""

from __future__ import annotations

import torch
from torch import Tensor

from hd2s.models.clips import check_bytes

_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pixels, from 0 to 1


def normalised(clips: Tensor) -> Tensor:
    """Make of clips uint8 (B, T, H, W, 3) what the model takes, float32 (B, 3, T, H, W).

    In shares of 255, less ImageNet's mean, in its standard deviations.

    Raises:
        ValueError: another dtype or shape.
    """
    check_bytes(clips)
    # Number by number: a list would be copied to a GPU, which is waited for.
    mean, deviation = (
        torch.stack([torch.full((), value, device=clips.device) for value in values])
        for values in (_MEAN, _DEVIATION)
    )
    return clips.float().div_(255).sub_(mean).div_(deviation).permute(0, 4, 1, 2, 3)


def check_sequences(clips: Tensor) -> None:
    """Raise ValueError unless clips are (B, 3, T, H, W), T at least 1, sides divisible by 32."""
    divisible = not any(side % 32 for side in clips.shape[3:])
    if clips.dim() != 5 or clips.shape[1] != 3 or min(clips.shape) < 1 or not divisible:
        raise ValueError(
            "This model takes clips of shape (B, 3, T, H, W), H and W divisible by 32,"
            f" found {tuple(clips.shape)}: resize them (hd2s.models.unisal.config.free_size says to what)."
        )
