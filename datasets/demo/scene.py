"""A clip's scene: what moves where, and how its frames look.

Positions are (x, y) in frame heights from the frame's upper left corner; times are in seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, copysign, tau

import numpy as np

from datasets.demo.backdrops import BACKDROPS
from datasets.demo.cast import Take, keyed_rng
from datasets.demo.domains import Domain
from datasets.demo.drawing import capsule, hsv
from datasets.demo.figures import FIGURES

_NEAR_BLACK = np.array([0.06, 0.05, 0.07], dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Motion:
    """Straight motion of K figures that turn round at the sides of a box."""

    start: np.ndarray  # (K, 2)
    velocity: np.ndarray  # (K, 2), per second
    low: np.ndarray  # (K, 2)
    high: np.ndarray  # (K, 2)

    def at(self, seconds: np.ndarray, figure: np.ndarray) -> np.ndarray:
        """Positions (..., 2) of figures (int (...)) at the given times (...), which may be negative."""
        span = self.high - self.low
        travelled = self.start[figure] - self.low[figure] + self.velocity[figure] * seconds[..., None]
        return self.high[figure] - np.abs(span[figure] - travelled % (2 * span[figure]))


@dataclass(frozen=True, slots=True)
class Scene:
    """One clip before it is rendered; sizes (K,) and colours (K, 3, 3) are those of its figures."""

    take: Take
    figure: str
    motion: Motion
    sizes: np.ndarray
    colours: np.ndarray
    backdrop: np.ndarray
    pan: float  # frame heights per second
    grain: np.ndarray  # (2H, 2W, 1): noise, of which every frame takes another part
    seed: int  # of the noise's shifts


def stage(domain: Domain, take: Take, seed: int) -> Scene:
    """Draw a clip's scene from its domain by the seed, the corpus and the clip's name only."""
    rng = keyed_rng(seed, domain.word, take.clip, "scene")
    count = int(rng.integers(domain.n_figures[0], domain.n_figures[1] + 1))
    sizes = rng.uniform(*domain.figure_size, count)
    pan = rng.uniform(*domain.pan) * rng.choice((-1.0, 1.0))
    duration = take.n_frames / float(take.frame_rate)
    margin = ceil(abs(pan) * duration * take.height) + 1
    set_rng = keyed_rng(seed, domain.word, take.source_video, "set")
    noise = rng.standard_normal((2 * take.height, 2 * take.width, 1), dtype=np.float32)
    return Scene(
        take=take,
        figure=domain.figure,
        motion=_motion(domain, take, rng, sizes),
        sizes=sizes,
        colours=np.stack([_colours(domain, rng) for _ in sizes]),
        backdrop=BACKDROPS[domain.backdrop](set_rng, take.height, take.width + margin),
        pan=pan,
        grain=noise * np.float32(domain.grain / 255),
        seed=seed,
    )


def render(scene: Scene) -> Iterator[np.ndarray]:
    """Yield the clip's frames, uint8 (H, W, 3) RGB."""
    take, (height, width) = scene.take, (scene.take.height, scene.take.width)
    rng = keyed_rng(scene.seed, take.source_video, take.clip, "grain")
    for index in range(take.n_frames):
        seconds = index / float(take.frame_rate)
        canvas = _ground(scene, seconds)
        for figure in range(len(scene.sizes)):
            _draw(canvas, scene, figure, seconds)
        top, left = rng.integers(0, (height, width))
        canvas += scene.grain[top : top + height, left : left + width]
        canvas *= 255
        yield np.clip(canvas, 0, 255, out=canvas).astype(np.uint8)


def _motion(domain: Domain, take: Take, rng: np.random.Generator, sizes: np.ndarray) -> Motion:
    aspect = np.array([take.width / take.height, 1.0])
    half = np.maximum(aspect * domain.reach / 2 - sizes[:, None] / 2, 0.02)
    low, high = aspect / 2 - half, aspect / 2 + half
    # Mostly sideways, as things on the ground and in front of a camera move.
    angle = rng.uniform(-0.5, 0.5, sizes.size) + rng.choice((0.0, np.pi), sizes.size)
    speed = rng.uniform(*domain.speed, sizes.size)
    velocity = speed[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Motion(rng.uniform(low, high), velocity, low, high)


def _colours(domain: Domain, rng: np.random.Generator) -> np.ndarray:
    """Draw a figure's own colour; its second colour, of skin, as much lighter; and near black."""
    hue = rng.uniform(*domain.hues[rng.integers(len(domain.hues))])
    saturation, value = rng.uniform(*domain.saturation), rng.uniform(*domain.value)
    second = hsv(rng.uniform(0.05, 0.09), 0.35, min(value + 0.25, 0.95))
    return np.stack([hsv(hue, saturation, value), second, _NEAR_BLACK])


def _ground(scene: Scene, seconds: float) -> np.ndarray:
    """Copy what the panning camera sees of the backdrop, between two columns of pixels if need be."""
    width = scene.take.width
    if not scene.pan:
        return scene.backdrop[:, :width].copy()
    offset = scene.pan * seconds * scene.take.height
    if scene.pan < 0:
        offset += scene.backdrop.shape[1] - width - 1
    column, part = int(offset), np.float32(offset % 1.0)
    seen = scene.backdrop[:, column : column + width + 1]
    return (1 - part) * seen[:, :-1] + part * seen[:, 1:]


def _draw(canvas: np.ndarray, scene: Scene, figure: int, seconds: float) -> None:
    """Draw one figure and its shadow where it is at a time, facing where it goes."""
    times = np.array([seconds, seconds + 1e-3])
    here, next_ = scene.motion.at(times, np.array([figure, figure])) * scene.take.height
    size = scene.sizes[figure] * scene.take.height
    facing = np.array([copysign(1.0, next_[0] - here[0]), 1.0])
    speed = np.hypot(*scene.motion.velocity[figure])
    swing = tau * (figure / 3 + seconds * 1.2 * speed / scene.sizes[figure] ** 0.5)
    shadow = here[0] + 0.03 * size, here[1] + 0.12 * size
    capsule(canvas, shadow, shadow, 0.4 * size, (0, 0, 0), edge=0.35 * size, opacity=0.28)
    for limb in FIGURES[scene.figure](swing):
        start, end = here + size * facing * limb.start, here + size * facing * limb.end
        capsule(canvas, start, end, limb.radius * size, scene.colours[figure, limb.colour], relief=0.6)
