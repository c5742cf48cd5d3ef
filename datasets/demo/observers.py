"""Simulated observers: where and when each one looks.

An observer makes one fixation after another. Each goes, with the domain's probabilities, to a figure (where
it was a moment ago, and not quite), to the centre of the frame, or anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from datasets.demo.cast import keyed_rng
from datasets.demo.domains import Domain
from datasets.demo.scene import Scene

_SACCADE = 30.0  # ms between two fixations, when nothing is seen


@dataclass(frozen=True, slots=True)
class Gaze:
    """All fixations of all observers of a clip, each array (observers, fixations)."""

    start: np.ndarray  # ms from the clip's first frame; the first one may lie before it
    duration: np.ndarray  # ms
    x: np.ndarray  # pixels from the left
    y: np.ndarray  # pixels from the top
    recorded: np.ndarray  # bool: on the frame

    def points(self, milliseconds: float) -> np.ndarray:
        """Return the pixels (y, x) fixated at one instant, int (n, 2); observers in a saccade have none."""
        held = self.recorded & (self.start <= milliseconds) & (milliseconds < self.start + self.duration)
        return np.stack([self.y[held], self.x[held]], axis=1).astype(int)


def watch(domain: Domain, scene: Scene, seed: int) -> Gaze:
    """Let the domain's observers watch a clip; depends on the seed, the corpus and the clip's name only."""
    rng = keyed_rng(seed, domain.word, scene.take.clip, "observers")
    length = 1000 * scene.take.n_frames / float(scene.take.frame_rate)
    shape = domain.n_observers, ceil(length / (domain.fixation[0] + _SACCADE)) + 2
    duration = rng.uniform(*domain.fixation, shape)
    start = np.cumsum(duration + _SACCADE, axis=1) - duration - _SACCADE
    if not domain.opens_at_centre:
        start -= rng.uniform(0, domain.fixation[0], (domain.n_observers, 1))
    height, width = scene.take.height, scene.take.width
    place = _landing(domain, scene, rng, start + duration / 2) * height
    x, y = place[..., 0], place[..., 1]
    # A fixation on the border itself would be spread over all that lies outside by the maps' border rule.
    recorded = (x >= 1) & (x < width - 1) & (y >= 1) & (y < height - 1)
    return Gaze(start, duration, x, y, recorded)


def _landing(domain: Domain, scene: Scene, rng: np.random.Generator, milliseconds: np.ndarray) -> np.ndarray:
    """Where (x, y) in frame heights the fixations held at the given times (observers, fixations) land."""
    shape = milliseconds.shape
    frame = np.array([scene.take.width / scene.take.height, 1.0])
    figure = rng.integers(len(scene.sizes), size=shape)
    target = scene.motion.at((milliseconds - domain.lag) / 1000, figure)
    target = target + rng.standard_normal((*shape, 2)) * (domain.aim * scene.sizes[figure])[..., None]
    middle = frame / 2 + rng.standard_normal((*shape, 2)) * domain.centre_spread
    anywhere = rng.uniform((0, 0), frame, (*shape, 2))
    choice = rng.uniform(size=shape)
    if domain.opens_at_centre:
        choice[:, 0], middle[:, 0] = domain.follow, frame / 2
    to_figure, to_middle = choice < domain.follow, choice < domain.follow + domain.centre
    return np.where(to_figure[..., None], target, np.where(to_middle[..., None], middle, anywhere))
