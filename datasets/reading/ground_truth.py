"""Saliency maps: read where a corpus ships them, made from its fixations where it does not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.corpus import ClipError
from datasets.reading.images import check_depth, check_size, open_image
from datasets.reading.video import Size, changed, resize
from manifests import Clip, Fixations, Manifest


@dataclass(frozen=True, slots=True)
class Rule:
    """How a corpus's curators turn fixated pixels into a map: a sum of truncated Gaussians."""

    sigma: float
    """Pixels at native resolution."""
    reach: float
    """Where the Gaussian is cut, in pixels on either side."""
    even: bool
    """An even number of taps: the Gaussian's centre falls half a pixel beside the fixated one."""
    replicate: bool
    """What lies outside the frame: its border repeated, or nothing."""


RULES = {
    # FWHM 30 px. The curators' script also moves the peak by two pixels, which is not followed here.
    "dhf1k": Rule(sigma=30 / (2 * np.sqrt(2 * np.log(2))), reach=50, even=False, replicate=False),
    # imfilter(fixations, fspecial('gaussian', 150, 20), 'replicate')
    "mathe": Rule(sigma=20.0, reach=75, even=True, replicate=True),
    # The authors' make_gauss_masks4: FWHM 80 px, 100 px either side.
    "ledov": Rule(sigma=80 / (2 * np.sqrt(2 * np.log(2))), reach=100, even=False, replicate=False),
}

RULE_OF = {"DHF1K": "dhf1k", "Hollywood2": "mathe", "UCFSports": "mathe", "LEDOV": "ledov"}


def fixations_to_map(
    points: np.ndarray, height: int, width: int, rule: str, *, sigma: float | None = None
) -> np.ndarray:
    """Return the saliency map of one frame: float32 (height, width), its maximum 1, all zero without points.

    A Gaussian is the product of one along y and one along x, so the sum over n points is one product of an
    (height, n) and an (n, width) matrix: exact, and much faster than filtering the frame.

    Args:
        points: (n, 2) integers, row and column of the fixated pixels.
        height: pixels.
        width: pixels.
        rule: one of `RULES`.
        sigma: another width in pixels, for frames of another size than the corpus has; scales the reach.

    Raises:
        KeyError: no such rule.
    """
    settings = RULES[rule]
    if len(points) == 0:
        return np.zeros((height, width), np.float32)
    rows = _response(np.asarray(points)[:, 0], height, settings, sigma or settings.sigma)
    columns = _response(np.asarray(points)[:, 1], width, settings, sigma or settings.sigma)
    density = rows @ columns.T
    return density / density.max()


def read_map(
    root: Path | str, clip: Clip, i: int, size: Size | None = None, points: np.ndarray | None = None
) -> np.ndarray:
    """Return the saliency map of frame ``i`` (from 0) of a clip: uint8 (H, W).

    Args:
        root: the corpus root.
        clip: the clip.
        i: frame, from 0.
        size: (height, width) to resize to, by the rule of the frames; None for native resolution.
        points: (n, 2) fixated pixels of the frame (`Fixations.frame`), needed when the clip has no shipped
            maps. The map is then made by the rule of its corpus; for a corpus without one, as for DHF1K.

    Raises:
        ClipError: the shipped map cannot be read, or has another size than the clip.
        ValueError: neither a map nor points.
    """
    if clip.map_pattern:
        path = clip.map_path(i)
        image = open_image(root, path)
        check_size(image, (clip.width, clip.height), path)
        check_depth(image, path)
        return resize(np.asarray(image.convert("L")), size)
    if points is None:
        raise ValueError(f"{clip.corpus}/{clip.clip} ships no maps: its fixations are needed to make them")
    density = fixations_to_map(points, clip.height, clip.width, RULE_OF.get(clip.corpus, "dhf1k"))
    return resize(np.rint(density * 255).astype(np.uint8), size)


class MapReader:
    """Saliency maps of a corpus, shipped or made.

    Args:
        manifest: of the corpus. Its fixations are read split by split, and only where no maps are shipped.
        size: (height, width) of the maps; None for native resolution.
    """

    def __init__(self, manifest: Manifest, size: Size | None = None) -> None:
        self._manifest, self._size = manifest, size
        self._fixations: dict[str, Fixations] = {}

    def read(self, clip: Clip, i: int, root: Path | None = None) -> np.ndarray:
        """Return the saliency map of frame ``i`` (from 0) of a clip: uint8 (H, W).

        Args:
            clip: of the manifest.
            i: frame, from 0.
            root: where the clip's maps lie, if not at the manifest's root.

        Raises:
            ProblemError: the shipped map is no longer what was indexed.
        """
        points = None if clip.map_pattern else self._of_split(clip.split).frame(clip.clip, i)
        try:
            return read_map(root or self._manifest.root, clip, i, self._size, points)
        except ClipError as error:
            raise changed(self._manifest.root, clip, error) from error

    def _of_split(self, split: str) -> Fixations:
        if split not in self._fixations:
            self._fixations[split] = self._manifest.fixations(split)
        return self._fixations[split]


def _response(positions: np.ndarray, length: int, rule: Rule, sigma: float) -> np.ndarray:
    """Return what a point at each position adds along one axis: float32 (length, n)."""
    reach = round(rule.reach * sigma / rule.sigma)
    # Offsets of the input pixel from the output pixel, as MATLAB's imfilter correlates: with 150 taps the
    # origin is the 75th, so there are 74 before it and 75 after, and the Gaussian is centred between.
    offsets = np.arange(1 - reach if rule.even else -reach, reach + 1)
    weights = np.exp(-((offsets - 0.5 * rule.even) ** 2) / (2 * sigma**2))
    index = positions[None, :] - np.arange(length)[:, None] - offsets[0]
    taps = np.where((index >= 0) & (index < len(weights)), weights[index.clip(0, len(weights) - 1)], 0.0)
    if rule.replicate:
        # A point on the border counts for all the copies of it beyond.
        upto = np.r_[0.0, np.cumsum(weights)]
        low, high = upto[(index + 1).clip(0, len(weights))], upto[-1] - upto[index.clip(0, len(weights))]
        taps = np.where(positions == 0, low, np.where(positions == length - 1, high, taps))
    return taps.astype(np.float32)
