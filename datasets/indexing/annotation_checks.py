"""Whether a corpus' annotations say anything: what no single clip shows, all of them together do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from datasets.corpus import ClipError
from datasets.reading.ground_truth import shipped_map
from manifests import Clip, Finding
from manifests.problem import counted

_REMEDY = "They were converted wrongly, or other files lie in their place: unpack them again."


def says_nothing(root: Path, clips: Sequence[Clip]) -> Iterator[Finding]:
    """Yield a warning where no usable clip of a corpus has a fixated pixel, or a map that marks anything.

    Of maps the first and the middle one of each clip are looked at, until one is not the same everywhere; in
    a sound corpus that is the first one.
    """
    usable = [clip for clip in clips if clip.status == "ok"]
    fixated = [clip for clip in usable if clip.fixation_pattern]
    if fixated and not any(clip.n_fixated_frames for clip in fixated):
        found = f"none in any frame of {counted(len(fixated), 'clip')}"
        yield Finding("warning", "empty-fixations", "", "", "fixated pixels", found, _REMEDY)
    mapped = [clip for clip in usable if clip.map_pattern]
    if mapped and all(_is_constant(root, clip, i) for clip in mapped for i in {0, clip.n_frames // 2}):
        found = f"one value everywhere in those looked at of all {counted(len(mapped), 'clip')}"
        yield Finding("warning", "constant-maps", "", "", "maps that mark something", found, _REMEDY)


def _is_constant(root: Path, clip: Clip, i: int) -> bool:
    try:
        return np.ptp(shipped_map(root, clip, i)) == 0
    except ClipError:
        return False  # it has changed just now: nothing is known of it
