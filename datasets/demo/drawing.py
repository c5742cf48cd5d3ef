"""Two antialiased shapes, drawn in place by their signed distance: enough for figures and backdrops."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import numpy as np

Point = Sequence[float] | np.ndarray  # x, y in pixels
Colour = Sequence[float] | np.ndarray  # red, green, blue in [0, 1]


def hsv(hue: float, saturation: float, value: float) -> np.ndarray:
    """RGB colour, float32 (3,) in [0, 1], of a hue, saturation and value in [0, 1]."""
    return np.array(colorsys.hsv_to_rgb(hue % 1.0, saturation, value), dtype=np.float32)


def capsule(
    canvas: np.ndarray,
    start: Point,
    end: Point,
    radius: float,
    colour: Colour,
    *,
    edge: float = 1.0,
    opacity: float = 1.0,
    relief: float = 0.0,
) -> None:
    """Draw a thick line with round ends onto ``canvas``, float32 (H, W, 3) in [0, 1]; a disc if start is end.

    ``start``, ``end`` (x, y), ``radius`` and ``edge``, the width of the soft border, are in pixels;
    ``relief`` in [0, 1] lights the shape from the upper left as if it were round.
    """
    reach = radius + edge
    low, high = np.minimum(start, end) - reach, np.maximum(start, end) + reach
    patch = _patch(canvas, low, high)
    if patch is None:
        return
    pixels, x, y = patch
    along = np.array([end[0] - start[0], end[1] - start[1]])
    x, y = x - start[0], y - start[1]
    nearest = np.clip((x * along[0] + y * along[1]) / max(along @ along, 1e-9), 0.0, 1.0)
    x, y = x - nearest * along[0], y - nearest * along[1]
    alpha = opacity * np.clip((radius - np.hypot(x, y)) / edge + 0.5, 0.0, 1.0)
    paint = np.asarray(colour, dtype=np.float32)
    if relief:
        light = -(x + 1.3 * y) / (1.64 * radius)  # cosine to a light from the upper left, in [-1, 1]
        paint = np.clip(paint * (1.0 + 0.45 * relief * light)[..., None], 0.0, 1.0)
        paint = paint + (1.0 - paint) * (relief * np.clip(light - 0.35, 0.0, 1.0))[..., None]
    pixels += alpha[..., None] * (paint - pixels)


def box(
    canvas: np.ndarray,
    centre: Point,
    half: Point,
    colour: Colour,
    *,
    corner: float = 1.0,
    opacity: float = 1.0,
) -> None:
    """Draw an upright box with round corners; ``centre``, ``half`` (its half width and height) in pixels."""
    middle, reach = np.asarray(centre), np.asarray(half)
    patch = _patch(canvas, middle - reach - 1, middle + reach + 1)
    if patch is None:
        return
    pixels, x, y = patch
    x, y = np.abs(x - middle[0]) - reach[0] + corner, np.abs(y - middle[1]) - reach[1] + corner
    outside = np.hypot(np.maximum(x, 0.0), np.maximum(y, 0.0)) + np.minimum(np.maximum(x, y), 0.0) - corner
    alpha = opacity * np.clip(0.5 - outside, 0.0, 1.0)
    pixels += alpha[..., None] * (np.asarray(colour, dtype=np.float32) - pixels)


def _patch(
    canvas: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """View of the canvas between two corners, its pixel centres' x (1, w) and y (h, 1); None if empty."""
    height, width = canvas.shape[:2]
    x0, x1 = max(int(low[0]), 0), min(int(high[0]) + 2, width)
    y0, y1 = max(int(low[1]), 0), min(int(high[1]) + 2, height)
    if x0 >= x1 or y0 >= y1:
        return None
    y, x = np.ogrid[y0:y1, x0:x1]
    return canvas[y0:y1, x0:x1], x.astype(np.float32) + 0.5, y.astype(np.float32) + 0.5
