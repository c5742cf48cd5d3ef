"""Saliency maps of single frames: decoded where they are shipped, computed from fixated pixels elsewhere."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from datasets.corpus import ClipError, Entry, MapRule
from datasets.damaged import as_finding
from datasets.reading.beside import left_aside_of
from datasets.reading.images import check_size, open_image
from datasets.reading.numbered_files import Numbered, decoded
from datasets.reading.pixels import left_out, map_pixels
from manifests import Clip, Finding


def fixations_to_map(
    points: np.ndarray, height: int, width: int, rule: MapRule, *, sigma: float | None = None
) -> np.ndarray:
    """Return the saliency map of one frame: float32 (height, width), its maximum 1, all zero without points.

    A Gaussian is the product of one along y and one along x, so the sum over n points is one product of an
    (height, n) and an (n, width) matrix: exact, and much faster than filtering the frame. It is summed point
    by point: BLAS sums otherwise with other threads and processors, and a level of 8 bits is another then.

    Args:
        points: (n, 2) integers, row and column of the fixated pixels.
        height: pixels.
        width: pixels.
        rule: of the corpus.
        sigma: another width in pixels, for frames of another size than the corpus has; scales the reach.
    """
    from scipy.sparse import csr_array  # noqa: PLC0415 - half a second, that a plan does without

    if len(points) == 0:
        return np.zeros((height, width), np.float32)
    rows = _response(np.asarray(points)[:, 0], height, rule, sigma or rule.sigma)
    columns = _response(np.asarray(points)[:, 1], width, rule, sigma or rule.sigma)
    density = csr_array(rows) @ columns.T
    return density / density.max()


def shipped_map(root: Path | str, clip: Clip, i: int) -> np.ndarray:
    """Return the map that a corpus ships for frame ``i`` (from 0) of a clip: uint8 (H, W), native.

    Raises:
        ClipError: it cannot be read, or has another size than the clip.
    """
    path = clip.map_path(i)
    image = open_image(root, path)
    check_size(image, (clip.width, clip.height), path)
    return map_pixels(image, path)


def read_maps(root: Path, entry: Entry, maps: Numbered, size: tuple[int, int]) -> list[Finding]:
    """Decode all maps of a clip.

    Args:
        root: the corpus root.
        entry: the clip.
        maps: its maps.
        size: (width, height) of its frames.

    Returns:
        what of them is left aside, and a note when some are zero everywhere.

    Raises:
        ClipError: one cannot be read, or has another size.
    """
    empty, lost = 0, Counter[str]()
    for i, image in enumerate(decoded(root, maps)):
        check_size(image, size, maps.path(i))
        empty += not map_pixels(image, maps.path(i)).any()
        lost[left_out(image)] += 1
    findings = list(left_aside_of(entry, maps, lost))
    if empty:
        found, remedy = f"{empty} of {maps.count} all zero", "Nothing: no score is made up for these frames."
        zero = ClipError("zero-maps", "maps that mark something", found, path=maps.folder, remedy=remedy)
        findings.append(as_finding(zero, entry, "note"))
    return findings


def _response(positions: np.ndarray, length: int, rule: MapRule, sigma: float) -> np.ndarray:
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
