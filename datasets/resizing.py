"""How images come to a model's size: one rule of four, which every stored frame is addressed by.

=================  =========================================================================================
pil-bilinear       Pillow's bilinear filter, whose support grows with the reduction (antialiased)
pil-lanczos        Pillow's Lanczos filter of three lobes, likewise antialiased
opencv-bilinear    between the two nearest pixels each way (OpenCV's INTER_LINEAR)
opencv-bicubic     between the four nearest, by Keys' kernel with a = -0.75 (OpenCV's INTER_CUBIC)
=================  =========================================================================================

Without antialiasing most pixels of a large frame count for nothing. Yet so were HD2S's and TASED-Net's
released weights trained.

By itself a rule squashes an image into the size; `framed` makes one that keeps its aspect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Literal

import numpy as np
from PIL import Image

Size = tuple[int, int]
"""(height, width) in pixels."""

DEFAULT_RESIZING = "pil-bilinear"
"""For frames and maps alike."""

Framing = Literal["squashed", "height", "cover"]
"""How an image lies in a frame of another aspect.

"squashed": it fills the frame, its aspect changed. The others keep the aspect, in the frame's middle: by
"height" it is as high as the frame, and cut off at both sides or black beside it; by "cover" it is the
smallest that leaves nothing black, cut off where it is larger. UNISAL's released code shows Hollywood2 and
UCF Sports so in training."""

_KEYS_A = -0.75
_WEIGHT_BITS = 11  # of OpenCV's bilinear weights


@dataclass(frozen=True)
class Placed:
    """Where an image lies in a frame.

    Attributes:
        frame: (height, width).
        size: (height, width) that the image is resized to.
        top: rows of it above the frame; of the frame above it, if negative.
        left: likewise, of columns.
    """

    frame: Size
    size: Size
    top: int = 0
    left: int = 0

    def cut(self, image: np.ndarray) -> np.ndarray:
        """Return what an image (h, w, …) at `size` is in the frame (H, W, …), with zeros beside it."""
        if self.size == self.frame:
            return image
        found = np.zeros((*self.frame, *image.shape[2:]), image.dtype)
        (of_rows, to_rows), (of_columns, to_columns) = (
            (slice(max(at, 0), at + n), slice(max(-at, 0), m - at))
            for at, n, m in zip((self.top, self.left), self.frame, self.size, strict=True)
        )
        found[to_rows, to_columns] = image[of_rows, of_columns]
        return found


def placed(native: Size, frame: Size, framing: str) -> Placed:
    """Return where an image of a native (height, width) lies in a frame.

    Args:
        native: in pixels.
        frame: in pixels.
        framing: a word of `Framing`.
    """
    (h, w), (height, width) = native, frame
    if framing == "squashed":
        return Placed(frame, frame)
    # In floating point, as released: the other side may come out a pixel less than it would in fractions.
    size = (height, int(w * height / h))
    if framing == "cover":
        aspect = w / h
        size = (int(width / aspect), width) if aspect < width / height else (height, int(height * aspect))
    top, left = (round((n - m) / 2) for n, m in zip(size, frame, strict=True))
    return Placed(frame, size, top, left)


def framed(rule: str, framing: str) -> str:
    """Return the rule by which images come to a size and lie in it so; the rule itself where they fill it."""
    return rule if framing == "squashed" else f"{rule}/{framing}"


def framing_of(rule: str) -> str:
    """Return how images lie in their size by a rule: a word of `Framing`."""
    return rule.partition("/")[2] or "squashed"


def resize(image: np.ndarray, size: Size | None, rule: str = DEFAULT_RESIZING) -> np.ndarray:
    """Return a uint8 image (h, w) or (h, w, 3) at size (H, W); None leaves it as it is.

    Args:
        image: uint8.
        size: (H, W).
        rule: a word of `RESIZINGS`, or one that is `framed`.

    Raises:
        KeyError: there is no such rule.
    """
    native = image.shape[:2]
    if size is None or native == tuple(size):
        return image
    place = placed(native, (size[0], size[1]), framing_of(rule))
    scaled = image if native == place.size else RESIZINGS[rule.partition("/")[0]](image, place.size)
    return place.cut(scaled)


def _pil(image: np.ndarray, size: Size, *, kernel: Image.Resampling) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((size[1], size[0]), kernel))


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
    DEFAULT_RESIZING: partial(_pil, kernel=Image.Resampling.BILINEAR),
    "pil-lanczos": partial(_pil, kernel=Image.Resampling.LANCZOS),
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
