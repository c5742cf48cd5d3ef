"""How long the clips of each published split are, kept in ``lengths``: to plan without a corpus.

Frames that really decode, of every clip in the splits that the papers use. Of LEDOV the sum alone is known,
179,336 frames in 538 videos: each clip counts as their mean, and so do 272 of Hollywood2's 1,904 training
and validation shots, which stand last. ``1*9000`` stands for as many photographs.
"""

from __future__ import annotations

import functools
from pathlib import Path

_FOLDER = Path(__file__).parent / "lengths"


@functools.cache
def published_lengths(name: str) -> dict[str, tuple[int, ...]]:
    """Return the frames of each clip of each split of the corpus of this name; {} if none are known."""
    path = _FOLDER / f"{name}.txt"
    if not path.is_file():
        return {}
    rows = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return {split: tuple(n for word in words for n in _lengths(word)) for split, *words in rows}


def _lengths(word: str) -> list[int]:
    length, _, times = word.partition("*")
    return [int(length)] * int(times or 1)
