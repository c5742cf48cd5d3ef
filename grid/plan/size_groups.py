"""Photographs of a corpus that are trained on at several sizes: whose, and how many batches of each.

A batch is of one size, as in UNISAL's released code, where photographs of MIT1003 are dealt out so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hd2s.models.config import Size, nearest_size
from manifests.clips import take
from manifests.schema import Clip


def of_size(clips: Sequence[Clip], size: Size, sizes: Sequence[Size]) -> Sequence[Clip]:
    """Return the clips that have a size, in pixels, where each has the nearest of several; all of none.

    What stands in for clips of a corpus that is not indexed yet tells no size, and is taken for the first.
    """
    if not sizes:
        return clips
    native = ((clip.height, clip.width) for clip in clips)
    mine = [(nearest_size(own, sizes) if min(own) else sizes[0]) == size for own in native]
    return take(clips, np.flatnonzero(mine))


def by_size(clips: Sequence[Clip], size: Size, sizes: Sequence[Size]) -> dict[Size, Sequence[Clip]]:
    """Return size → the clips that are shown at it, in the order of the sizes; all at `size` without any."""
    found = {each: of_size(clips, each, sizes) for each in sizes or (size,)}
    return {each: mine for each, mine in found.items() if len(mine)} or {size: clips}


def whole_batches(groups: Mapping[Size, Sequence[Clip]], batch: int) -> dict[Size, int]:
    """Return size → the whole batches that its clips make: as released, sizes without one are not seen.

    Where none makes a whole batch, each has one, so that small corpora are seen.
    """
    counts = {size: len(clips) // batch for size, clips in groups.items()}
    whole = {size: count for size, count in counts.items() if count}
    return whole or dict.fromkeys(groups, 1)
