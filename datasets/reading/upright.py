"""Frames of encoded videos as they are to be shown: turned and mirrored as their metadata say.

Phones write the picture as the sensor lies and a display matrix beside it. All players obey it, so that
whoever was recorded has looked at the turned picture.
"""

from __future__ import annotations

import struct
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import Type
from av.video.reformatter import VideoReformatter

from datasets.corpus import ClipError

_PLAIN = (1, 0, 0, 1)
_TOLERANCE = 0.01  # of the matrix' numbers, relative to the largest


def rgb(frame: av.VideoFrame, to_rgb: VideoReformatter) -> np.ndarray:
    """Return a frame as it is to be shown: uint8 (H, W, 3) RGB.

    Args:
        frame: as decoded.
        to_rgb: one for all frames of a video, since each by itself would set up its own.

    Raises:
        ClipError: it is to be shown turned by no multiple of 90 degrees.
    """
    image = to_rgb.reformat(frame, format="rgb24").to_ndarray()
    matrix = _matrix(frame)
    return image if matrix == _PLAIN else np.ascontiguousarray(_turned(image, *matrix))


def shown_size(frame: av.VideoFrame) -> tuple[int, int]:
    """Return the (width, height) of a frame as it is to be shown. Errors of `rgb`."""
    lies_on_its_side = _matrix(frame)[0] == 0
    return (frame.height, frame.width) if lies_on_its_side else (frame.width, frame.height)


def turn(frame: av.VideoFrame) -> str:
    """Say how a frame is turned before it is shown; empty if it is not. Errors of `rgb`."""
    return _NAMES[_matrix(frame)]


_NAMES = {
    _PLAIN: "",
    (-1, 0, 0, -1): "rotated by 180 degrees",
    (0, 1, -1, 0): "rotated by 90 degrees clockwise",
    (0, -1, 1, 0): "rotated by 90 degrees anticlockwise",
    (-1, 0, 0, 1): "mirrored left to right",
    (1, 0, 0, -1): "mirrored top to bottom",
    (0, 1, 1, 0): "rotated and mirrored: rows become columns",
    (0, -1, -1, 0): "rotated and mirrored: rows become columns, from the far corner",
}


def _matrix(frame: av.VideoFrame) -> tuple[int, int, int, int]:
    """Return a, b, c, d, each -1, 0 or 1: the pixel (x, y) is shown at (a x + c y, b x + d y)."""
    side: Any = frame.side_data.get(Type.DISPLAYMATRIX)  # type: ignore[call-overload]
    if side is None:
        return _PLAIN
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(side))
    largest = max(map(abs, (a, b, c, d)))
    if largest == 0:
        return _PLAIN
    scaled = [number / largest for number in (a, b, c, d)]
    whole = (round(scaled[0]), round(scaled[1]), round(scaled[2]), round(scaled[3]))
    if whole not in _NAMES or any(abs(s - w) > _TOLERANCE for s, w in zip(scaled, whole, strict=True)):
        remedy = "Convert the video into one that is stored as it is shown."
        found = "another angle in its display matrix"
        raise ClipError("rotated-video", "frames rotated by a multiple of 90 degrees", found, remedy=remedy)
    return whole


def _turned(image: np.ndarray, a: int, b: int, c: int, d: int) -> np.ndarray:
    """Return an image (H, W, 3) with each pixel where the matrix moves it."""
    if a == 0:
        image = image.transpose(1, 0, 2)
    across, down = (c, b) if a == 0 else (a, d)
    return image[:: down or 1, :: across or 1]
