"""How images come to a model's size: one rule of three, which every stored frame is addressed by.

=================  =========================================================================================
pil-bilinear       Pillow's bilinear filter, whose support grows with the reduction (antialiased)
opencv-bilinear    between the two nearest pixels each way (OpenCV's INTER_LINEAR)
opencv-bicubic     between the four nearest, by Keys' kernel with a = -0.75 (OpenCV's INTER_CUBIC)
=================  =========================================================================================

Without antialiasing most pixels of a large frame count for nothing. Yet so were HD2S's and TASED-Net's
released weights trained.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from PIL import Image

Size = tuple[int, int]
"""(height, width) in pixels."""

DEFAULT_RESIZING = "pil-bilinear"
"""For frames and maps alike."""

_KEYS_A = -0.75
_WEIGHT_BITS = 11  # of OpenCV's bilinear weights


def resize(image: np.ndarray, size: Size | None, rule: str = DEFAULT_RESIZING) -> np.ndarray:
    """Return a uint8 image (h, w) or (h, w, 3) at size (H, W); None leaves it as it is.

    Args:
        image: uint8.
        size: (H, W).
        rule: a word of `RESIZINGS`.

    Raises:
        KeyError: there is no such rule.
    """
    if size is None or image.shape[:2] == tuple(size):
        return image
    return RESIZINGS[rule](image, size)


def _pil_bilinear(image: np.ndarray, size: Size) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BILINEAR))


def _opencv_bilinear(image: np.ndarray, size: Size) -> np.ndarray:
    """Resize in whole numbers, as OpenCV does for bytes: equal to its INTER_LINEAR to the bit."""
    (rows, at_row, down), (columns, across) = _rows_and_columns(image.shape, size, _between_two)
    part = image[rows].reshape(len(rows), image.shape[1], -1)
    wide = sum(part[:, columns[k]].astype(np.int32) * across[k][:, None] for k in range(2))
    # Products of 8 and 11 bits lose 4 before they are weighted again, and 16 after.
    high = sum((wide[at_row[k]] >> 4) * down[k][:, None, None] >> 16 for k in range(2))
    return ((high + 2) >> 2).astype(np.uint8).reshape(*size, *image.shape[2:])


def _opencv_bicubic(image: np.ndarray, size: Size) -> np.ndarray:
    """Resize in double precision and round: what OpenCV's INTER_CUBIC gives where it has vector instructions.

    Its plain loops round the weights to 11 bits, which moves one pixel in twenty by one level.
    """
    (rows, at_row, down), (columns, across) = _rows_and_columns(image.shape, size, _between_four)
    part = image[rows].reshape(len(rows), image.shape[1], -1)
    wide = sum(part[:, columns[k]] * across[k][:, None] for k in range(4))
    high = sum(wide[at_row[k]] * down[k][:, None, None] for k in range(4))
    return np.clip(np.rint(high), 0, 255).astype(np.uint8).reshape(*size, *image.shape[2:])


RESIZINGS: dict[str, Callable[[np.ndarray, Size], np.ndarray]] = {
    DEFAULT_RESIZING: _pil_bilinear,
    "opencv-bilinear": _opencv_bilinear,
    "opencv-bicubic": _opencv_bicubic,
}
"""The rules by name."""

_Taps = tuple[np.ndarray, np.ndarray]
"""Of each new pixel the old ones (taps, n) that it lies between, and their weights."""


def _rows_and_columns(
    shape: tuple[int, ...], size: Size, between: Callable[[int, int], _Taps]
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], _Taps]:
    """Return the rows that count, the places of each new row's among them, their weights; and the columns."""
    used, down = between(shape[0], size[0])
    rows, at_row = np.unique(used, return_inverse=True)
    return (rows, at_row.reshape(used.shape), down), between(shape[1], size[1])


@lru_cache(maxsize=64)
def _between_two(n_old: int, n_new: int) -> _Taps:
    first, share = _places(n_old, n_new)
    share = share.astype(np.float32)
    weights = np.stack([1 - share, share]) * np.float32(1 << _WEIGHT_BITS)
    return _inside(first + np.arange(2)[:, None], n_old), np.rint(weights).astype(np.int32)


@lru_cache(maxsize=64)
def _between_four(n_old: int, n_new: int) -> _Taps:
    first, share = _places(n_old, n_new)
    offsets = np.arange(-1, 3)[:, None]
    x, a = np.abs(share - offsets), _KEYS_A
    near, far = ((a + 2) * x - (a + 3)) * x * x + 1, ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return _inside(first + offsets, n_old), np.where(x <= 1, near, far)


def _places(n_old: int, n_new: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the old pixel before each new one's centre, and how far beyond that one's centre it is."""
    at = (np.arange(n_new) + 0.5) * (n_old / n_new) - 0.5
    first = np.floor(at).astype(np.int64)
    return first, at - first


def _inside(places: np.ndarray, n_old: int) -> np.ndarray:
    """Let the border's pixels stand in for those beyond it."""
    return np.clip(places, 0, n_old - 1)
