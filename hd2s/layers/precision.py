"""Arithmetic in full precision, whatever is around it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def full_precision(device: torch.device) -> AbstractContextManager:
    """Suspend autocast: maps in bfloat16, which has 8 bits, would have steps where they must be smooth.

    What PyTorch calls float32 it stays: on GPUs convolutions round their inputs to 11 bits (TF32) unless
    `torch.backends.cudnn.allow_tf32` is off.
    """
    known = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if known else nullcontext()
