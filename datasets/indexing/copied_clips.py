"""The same clip under two names: it is tested on although it was trained on, or counts twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from manifests import Clip, Finding

_APART = ("train", "val", "test")
_REMEDY = "Take all but one away, or list them for one split: what is trained on tells nothing in a test."
_TWICE = "Take all but one away: each counts, and folds may train on one and test on another."


def copied_clips(clips: Sequence[Clip]) -> Iterator[Finding]:
    """Yield a warning for each annotated clip whose files hold what those of one before it hold.

    By the hashes that were taken when they were read: media, maps and fixations together.
    """
    same: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if clip.content and clip.split in _APART:
            same[clip.content].append(clip)
    for copies in same.values():
        first, *others = sorted(copies, key=lambda clip: _APART.index(clip.split))
        for other in others:
            is_apart = other.split != first.split
            expected = "a clip in one split" if is_apart else "a clip once"
            found = f"the files of {first.clip} of {first.split} under another name in {other.split}"
            remedy = _REMEDY if is_apart else _TWICE
            yield Finding("warning", "copied-clip", other.clip, other.path, expected, found, remedy)
