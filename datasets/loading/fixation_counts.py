"""Fixations at a model's size: how many fall into each of its pixels."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np

from datasets.corpora.saliency_maps import MapReader
from datasets.resizing import Size, placed
from manifests import Clip, Manifest

Rescaling = Literal["kept", "nearest"]
"""Where a fixated pixel goes in a frame of another size.

"kept": into the pixel that its centre falls into, so that none is lost. "nearest": nowhere, unless a pixel's
centre lies in it, as when the image of fixations is resized by nearest neighbour; from 480 lines to 224 that
keeps 22 % (UNISAL's released code)."""

_MOST = 255


def fixation_counts(
    points: np.ndarray, native: Size, size: Size, rescaling: Rescaling, framing: str = "squashed"
) -> np.ndarray:
    """Return how many fixated pixels each pixel of a resized frame stands for: uint8 (H, W).

    Args:
        points: int (n, 2), row and column at native size.
        native: (height, width) there.
        size: (height, width) wanted.
        rescaling: by which rule; counts beyond 255 are 255.
        framing: how the frame lies in the size (`datasets.resizing.Framing`); what is cut off does not count.
    """
    place = placed(native, size, framing)
    return place.cut(_counts(points, native, place.size, rescaling))


def _counts(points: np.ndarray, native: Size, size: Size, rescaling: Rescaling) -> np.ndarray:
    at = np.asarray(points, np.int64).reshape(-1, 2)
    if rescaling == "nearest":
        image = np.zeros(native, np.uint8)
        image[at[:, 0], at[:, 1]] = 1
        rows, columns = (_under_centres(np.arange(m), m, n) for m, n in zip(size, native, strict=True))
        return image[rows[:, None], columns]
    rows, columns = (_under_centres(at[:, axis], native[axis], size[axis]) for axis in (0, 1))
    counts = np.bincount(rows * size[1] + columns, minlength=size[0] * size[1])
    return np.minimum(counts, _MOST).astype(np.uint8).reshape(size)


@dataclass(frozen=True)
class FixationReader:
    """Counts of fixations in the frames of a corpus, read when they are first asked for.

    Args:
        manifest: of the corpus.
        size: (height, width) of the counts.
        rescaling: by which rule.
        framing: how frames lie in the size.
    """

    manifest: Manifest
    size: Size
    rescaling: Rescaling = "kept"
    framing: str = "squashed"

    def __post_init__(self) -> None:
        if self.rescaling not in get_args(Rescaling):
            raise ValueError(f"fixations are {' or '.join(get_args(Rescaling))}, found {self.rescaling!r}")

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what was read: each process reads for itself."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def read(self, clip: Clip, start: int, count: int, out: np.ndarray, *, step: int = 1) -> None:
        """Fill uint8 (count, H, W) with the counts of frames ``start``, ``start + step`` … of a clip."""
        for i in range(count):
            points = self._points.points(clip, start + i * step)
            native = clip.height, clip.width
            out[i] = fixation_counts(points, native, self.size, self.rescaling, self.framing)

    @cached_property
    def _points(self) -> MapReader:
        return MapReader(self.manifest)


def _under_centres(pixels: np.ndarray, n: int, of: int) -> np.ndarray:
    """Return which of `of` pixels along an axis the centres of some of `n` pixels lie in."""
    return (2 * pixels + 1) * of // (2 * n)
