"""The same clip under two names in two splits, of which one would be tested on what it was trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from manifests import Clip, Finding

_APART = ("train", "val", "test")
_REMEDY = "Take all but one away, or list them for one split: what is trained on tells nothing in a test."


def copied_clips(clips: Sequence[Clip]) -> Iterator[Finding]:
    """Yield a warning for each clip whose files hold what those of another one in another split hold.

    By the hashes that were taken when they were read: media, maps and fixations together.
    """
    same: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if clip.content and clip.split in _APART:
            same[clip.content].append(clip)
    for copies in same.values():
        first, *others = sorted(copies, key=lambda clip: _APART.index(clip.split))
        for other in others:
            if other.split != first.split:
                expected, found = "a clip in one split", f"the files of {first.clip} of {first.split}"
                found += f" under another name in {other.split}"
                yield Finding("warning", "copied-clip", other.clip, other.path, expected, found, _REMEDY)
