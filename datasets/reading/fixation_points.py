"""Fixated pixels out of numbered images or .mat files: single points, or told that they are none."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from datasets.corpus import ClipError, Rows
from datasets.reading.images import check_lossless, check_size
from datasets.reading.numbered_files import Numbered, decoded
from datasets.reading.pixels import fixation_values, left_out
from manifests.problem import counted

MOST_FIXATED_SHARE = 0.1
"""More fixated pixels than this share of a frame are no fixations: somebody put the saliency maps there."""

SOFT_SHARE = 0.25
"""More fixated pixels than this share beside a brighter one are no points: they were resized or blurred."""

_FEWEST_JUDGED = 8  # fixated pixels of a clip below which nothing is said of their neighbours


@dataclass
class Points:
    """The fixated pixels of a clip's frames, added one by one, and how they lie."""

    blocks: list[Rows] = field(default_factory=list)
    count: int = 0
    beside_brighter: int = 0
    """Pixels with a brighter one around them, as interpolation makes them."""
    alone: int = 0
    """Pixels with no fixated one around them."""
    left_out: Counter[str] = field(default_factory=Counter)
    """What was left aside of how many images (`datasets.reading.pixels`)."""

    @property
    def rows(self) -> Rows:
        """All of them."""
        return np.concatenate(self.blocks) if self.blocks else np.empty((0, 3), np.int32)

    @property
    def in_groups(self) -> bool:
        """Whether no pixel stands alone: each fixation has several, as after nearest-neighbour resizing."""
        return self.count >= _FEWEST_JUDGED and self.alone == 0

    def add(self, values: np.ndarray, path: str) -> None:
        """Add the pixels above 0 of the next frame (H, W).

        Raises:
            ClipError: they are too many.
        """
        # On a flat array of truths: searching two dimensions, or numbers, takes several times as long.
        flat = np.flatnonzero(values > 0)
        if len(flat) > max(MOST_FIXATED_SHARE * values.size, 1):
            found = f"{len(flat):,} of {counted(values.size, 'pixel')} above 0"
            remedy = "Give one pixel for each fixation; saliency maps belong in the folder of maps."
            raise ClipError("no-points", "single fixated pixels", found, path=path, remedy=remedy)
        y, x = np.divmod(flat, values.shape[1])
        framed = np.pad(values, 1)
        around = np.max([framed[y + dy, x + dx] for dy, dx in _NEIGHBOURS], axis=0) if len(flat) else flat
        self.count += len(flat)
        self.beside_brighter += int(np.count_nonzero(around > values[y, x]))
        self.alone += int(np.count_nonzero(around <= 0))
        frame = np.full(len(flat), len(self.blocks))
        self.blocks.append(np.stack([frame, y, x], axis=1).astype(np.int32))

    def check_sharp(self, path: str) -> None:
        """Raise a ClipError if the pixels are the flanks of something blurred."""
        if self.count >= _FEWEST_JUDGED and self.beside_brighter > SOFT_SHARE * self.count:
            found = f"{self.beside_brighter} of {counted(self.count, 'pixel')} beside brighter ones"
            remedy = (
                "They were resized or compressed as pictures are: unpack the fixations again, or set one"
                " pixel for each. Until then NSS and AUC cannot be scored on this clip."
            )
            raise ClipError("soft-fixations", "single fixated pixels", found, path=path, remedy=remedy)


_NEIGHBOURS = [(dy, dx) for dy in range(3) for dx in range(3) if (dy, dx) != (1, 1)]


def read_fixation_images(root: Path, images: Numbered, size: tuple[int, int]) -> Points:
    """Return the fixated pixels of the images of a clip of size (width, height), frame by frame.

    Raises:
        ClipError: an image cannot be read, has lost pixels to its compression, has another size, or shows no
            points but a map or something blurred.
    """
    points = Points()
    for i, image in enumerate(decoded(root, images)):
        check_size(image, size, images.path(i))
        check_lossless(image, images.path(i))
        points.add(fixation_values(image), images.path(i))
        points.left_out[left_out(image)] += 1
    points.check_sharp(images.path(0))
    return points


def read_fixation_mats(root: Path, files: Numbered, size: tuple[int, int], key: str = "I") -> Points:
    """Return the pixels above 0 of the variable ``key`` in .mat files, one file for each frame.

    Raises:
        ClipError: a file cannot be read, or lacks the variable; as for images else.
    """
    from datasets.reading import matfile  # noqa: PLC0415 - SciPy takes half a second

    points = Points()
    for i in range(files.count):
        path = files.path(i)
        pixels = np.asarray(matfile.load(root, path, key))
        if pixels.shape != size[::-1]:
            expected, found = f"{size[1]}x{size[0]} values", "x".join(map(str, pixels.shape)) or "a number"
            raise ClipError("size-mismatch", expected, found, path=path)
        if pixels.dtype.kind not in "biuf" or np.isnan(pixels).any():
            raise ClipError("no-numbers", "a number in every pixel", "something else", path=path)
        points.add(pixels, path)
    points.check_sharp(files.path(0))
    return points
