"""What stands still: the ground of each domain with its distractors, drawn once per clip.

A backdrop is float32 (height, width, 3) in [0, 1]. It may be wider than the frame, for the camera to pan.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from datasets.demo.drawing import box, capsule, hsv


def street(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Draw pale walls over a pavement, littered with motionless blocks in muted colours (free viewing)."""
    wall, floor = (
        hsv(rng.uniform(), 0.18, rng.uniform(0.5, 0.7)),
        hsv(rng.uniform(), 0.10, rng.uniform(0.35, 0.5)),
    )
    canvas = _two_grounds(height, width, rng.uniform(0.45, 0.7), wall, floor)
    canvas *= 1.0 + 0.10 * _clouds(rng, height, width, 6)[..., None]
    for _ in range(rng.integers(7, 12)):
        half = height * rng.uniform(0.04, 0.13, 2)
        centre = rng.uniform((0, 0), (width, height))
        box(canvas, centre + 0.02 * height, half, (0.1, 0.1, 0.1), corner=2.0, opacity=0.35)
        box(canvas, centre, half, hsv(rng.uniform(0.25, 0.7), rng.uniform(0.15, 0.5), rng.uniform(0.3, 0.75)))
    return canvas


def film_set(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Draw a dark room: panelled wall, dim window, lamp, furniture along the floor, vignette (film)."""
    wall = hsv(rng.choice([0.07, 0.5, 0.58, 0.95]), 0.5, rng.uniform(0.13, 0.22))
    canvas = _two_grounds(height, width, 0.78, wall, 0.7 * hsv(0.07, 0.5, 0.2))
    panels = np.arange(width) % max(int(height * rng.uniform(0.2, 0.4)), 8) < 2
    canvas[: int(0.78 * height), panels] *= 0.6
    window = rng.uniform(0.1, 0.9) * width, 0.3 * height
    box(canvas, window, (0.15 * height, 0.2 * height), hsv(0.6, 0.45, rng.uniform(0.3, 0.42)), corner=2.0)
    box(canvas, window, (0.012 * height, 0.2 * height), 0.5 * wall)
    box(canvas, window, (0.15 * height, 0.012 * height), 0.5 * wall)
    lamp = rng.uniform(0.1, 0.9) * width, rng.uniform(0.3, 0.5) * height
    capsule(canvas, lamp, lamp, 0.1 * height, hsv(0.10, 0.6, 0.7), edge=0.25 * height, opacity=0.4)
    for _ in range(rng.integers(2, 5)):
        half = height * rng.uniform((0.08, 0.06), (0.22, 0.16))
        place = rng.uniform(0, width), 0.86 * height - half[1]
        box(canvas, place, half, hsv(rng.uniform(0.02, 0.1), 0.6, rng.uniform(0.12, 0.3)), corner=3.0)
    across = np.linspace(-1, 1, width, dtype=np.float32)[None, :, None]
    down = np.linspace(-1, 1, height, dtype=np.float32)[:, None, None]
    return canvas * (1.0 - 0.35 * np.clip(0.6 * across**2 + 0.6 * down**2, 0, 1))


def sports_field(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Draw a mown bright field with white lines below a stand full of motionless spectators (sport)."""
    horizon = rng.uniform(0.2, 0.34)
    grass = hsv(rng.uniform(0.24, 0.36), rng.uniform(0.45, 0.65), rng.uniform(0.7, 0.85))
    canvas = _two_grounds(height, width, horizon, hsv(0.6, 0.1, 0.8), grass)
    down = np.arange(height, dtype=np.float32)[:, None]
    leaning = np.arange(width, dtype=np.float32)[None, :] + rng.uniform(-0.6, 0.6) * down
    below = down > horizon * height
    canvas *= np.where(below & (leaning % (0.5 * height) < 0.25 * height), 0.88, 1.0)[..., None]
    canvas *= 1.0 + 0.06 * _clouds(rng, height, width, 24)[..., None]
    heads = rng.uniform((0, 0.04), (width, horizon - 0.03), (width // 3, 2)) * (1, height)
    for head in heads:
        shirt = hsv(rng.uniform(), 0.35, rng.uniform(0.55, 1))
        capsule(canvas, head, (head[0], head[1] + 0.02 * height), 0.018 * height, shirt)
    box(canvas, (width / 2, horizon * height), (width, 0.022 * height), (0.93, 0.93, 0.95), corner=0.0)
    for line in rng.uniform(0, width, max(width // (2 * height), 1)):
        capsule(
            canvas,
            (line, horizon * height),
            (line + 0.2 * height, height),
            0.012 * height,
            (0.95, 0.97, 0.95),
        )
    return canvas.clip(0, 1)


def water(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Draw blue-green water lit from above, sand, and dull rocks (nature)."""
    hue = rng.uniform(0.45, 0.58)
    canvas = _two_grounds(height, width, 0.82, hsv(hue, 0.55, 0.62), hsv(0.11, 0.3, 0.5))
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    across = np.linspace(0, width / height, width, dtype=np.float32)[None, :]
    canvas *= (1.15 - 0.5 * down)[..., None]
    wave = np.sin(14 * across + 30 * down + 5 * _clouds(rng, height, width, 4))
    canvas *= 1.0 + (0.07 * (1 - down) * wave)[..., None]
    for _ in range(rng.integers(4, 8)):
        size = height * rng.uniform(0.05, 0.13)
        x, y = rng.uniform(0, width), rng.uniform(0.8, 0.95) * height
        stone = hsv(rng.uniform(0.4, 0.6), 0.15, rng.uniform(0.25, 0.42))
        capsule(canvas, (x - 0.6 * size, y), (x + 0.6 * size, y), size, stone, relief=0.5)
    for _ in range(rng.integers(2, 5)):
        root = np.array([rng.uniform(0, width), 0.95 * height])
        weed = root - (rng.uniform(-0.1, 0.1) * height, rng.uniform(0.2, 0.5) * height)
        capsule(canvas, root, weed, 0.018 * height, hsv(rng.uniform(0.3, 0.42), 0.6, 0.35), relief=0.5)
    return canvas.clip(0, 1)


def _two_grounds(height: int, width: int, horizon: float, above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """One colour above the horizon (a share of the height), one below, each a little lighter further down."""
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    ground = np.where(down < horizon, above, below) * (0.92 + 0.16 * down)
    return np.broadcast_to(ground, (height, width, 3)).astype(np.float32)


def _clouds(rng: np.random.Generator, height: int, width: int, cells: int) -> np.ndarray:
    """Smooth noise of standard deviation about 1, with ``cells`` grains along the height."""
    grid = rng.standard_normal((cells, max(round(cells * width / height), 2)), dtype=np.float32)
    return np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC))


BACKDROPS: dict[str, Callable[[np.random.Generator, int, int], np.ndarray]] = {
    "street": street,
    "film_set": film_set,
    "sports_field": sports_field,
    "water": water,
}
