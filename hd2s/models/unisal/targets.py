"""How large the maps are that UNISAL is trained by: as its input, or as its released code has them."""

from __future__ import annotations

import re

from hd2s.models.config import Size

INPUT, RELEASED = "input", "released"
EXPECTED = f"{INPUT}, {RELEASED}, HEIGHTxWIDTH in pixels, or Nx, so many times the input's sides"
"""What is allowed of the setting, in words."""
_SIZE = re.compile(r"([1-9]\d*)x([1-9]\d*)")
_TIMES = re.compile(r"([1-9]\d*)x")
# As large as maps are shipped, which the code does not resize; photographs of many sizes come to twice the
# input's. Hollywood2's and UCF Sports' are framed as their frames are, at the input's size.
_RELEASED = {"DHF1K": "360x640", "SALICON": "480x640", "SALICON2015": "480x640", "MIT1003": "2x"}


def is_target_size(word: str) -> bool:
    """Whether a setting says how large maps are."""
    return word in (INPUT, RELEASED) or bool(_SIZE.fullmatch(word) or _TIMES.fullmatch(word))


def of_corpus(word: str, corpus: str) -> str:
    """Return how large a corpus' maps are, where that may depend on it."""
    return _RELEASED.get(corpus, INPUT) if word == RELEASED else word


def size_or_scale(word: str) -> tuple[Size | None, int]:
    """Return the (height, width) of maps, if it is fixed, and else by what the input's sides are multiplied.

    "released" is the input's here: the code says nothing of other corpora.
    """
    if found := _SIZE.fullmatch(word):
        return (int(found[1]), int(found[2])), 1
    times = _TIMES.fullmatch(word)
    return None, int(times[1]) if times else 1
