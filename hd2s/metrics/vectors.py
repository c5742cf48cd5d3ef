"""Vectors of a frame's pixels: memory for them that stays, and products that no number of threads changes."""

from __future__ import annotations

import threading

import numpy as np

_BLOCK = 8192  # values: OpenBLAS shares longer products out over threads, and adds them up otherwise then


def dot(a: np.ndarray, b: np.ndarray) -> float:
    """Return the scalar product of two vectors (n,), the same to the bit however many threads BLAS has."""
    whole = len(a) // _BLOCK * _BLOCK
    blocks = np.vecdot(a[:whole].reshape(-1, _BLOCK), b[:whole].reshape(-1, _BLOCK))
    return float(blocks.sum(dtype=np.float64)) + float(a[whole:] @ b[whole:])


def ends_of_runs(values: np.ndarray) -> np.ndarray:
    """Return where runs of equal ones end in n ≥ 1 ascending values: int64 (m,)."""
    return np.flatnonzero(np.concatenate((values[1:] != values[:-1], [True])))


class _Buffers(threading.local):
    size = -1
    arrays: tuple[np.ndarray, ...] = ()


_buffers = _Buffers()


def buffer(i: int, size: int) -> np.ndarray:
    """Return this thread's buffer `i` of 4, float64 (size,), whatever it held; those of one size are kept."""
    if _buffers.size != size:
        _buffers.size, _buffers.arrays = size, tuple(np.empty(size) for _ in range(4))
    return _buffers.arrays[i]
