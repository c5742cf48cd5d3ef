"""How long clips are, how many fixations a frame has, and where people look: from a manifest alone."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from manifests import Manifest

# Of the map of where people look: points along the width, and the blur in shares of it.
_POINTS, _SIGMA = 96, 1 / 40


def described_split(manifest: Manifest) -> str:
    """Return the split that a corpus is described by: training, or of a corpus without it another one.

    Raises:
        ValueError: it has no usable clip.
    """
    for split in ("train", "test", "val", "unlisted", "unannotated"):
        if manifest.counts[split]:
            return split
    raise ValueError(f"{manifest.corpus} has no usable clip")


def fixations_per_frame(manifest: Manifest, split: str) -> np.ndarray:
    """Return how many pixels of each frame of a split's usable clips are fixated: int64 (frames,)."""
    fixations = manifest.fixations(split)
    counts = [
        np.bincount(fixations.of(name)[0], minlength=n_frames)
        for name, n_frames in zip(_names(manifest, split), manifest.lengths(split), strict=True)
    ]
    return np.concatenate(counts) if counts else np.empty(0, np.int64)


def fixation_density(manifest: Manifest, split: str) -> np.ndarray:
    """Return where people look in a split, on average: float (H, W), 0 to 1.

    The mean of all fixations, each counted once, in shares of its own clip's sides, blurred by a Gaussian of
    1/40 of the width: the prior of the centre. It has 96 points along the width and as many along the height
    as the first clip's shape has, and is all zeros where nobody has looked.
    """
    heights, widths = manifest.column(split, "height"), manifest.column(split, "width")
    shape = max(1, round(_POINTS * heights[0] / widths[0])), _POINTS
    total = np.zeros(shape)
    fixations = manifest.fixations(split)
    for name, height, width in zip(_names(manifest, split), heights, widths, strict=True):
        yx = fixations.of(name)[1].astype(np.int64)
        places = yx * shape // (height, width)
        flat = np.ravel_multi_index(tuple(places.T), shape)
        total += np.bincount(flat, minlength=total.size).reshape(shape)
    smooth = gaussian_filter(total, _SIGMA * _POINTS, mode="constant")
    return smooth / (smooth.max() or 1)


def _names(manifest: Manifest, split: str) -> list[str]:
    return manifest.column(split, "clip").tolist()
