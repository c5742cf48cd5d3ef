"""Holding clips out for validation, so that no source video has clips on both sides."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from datasets.corpus import Entry
from manifests import Problem, ProblemError
from manifests.problem import suggest

HOW = ("paper", "grouped")

_SHARE = 0.1
"""Of the clips of train and val together."""


def hold_out(entries: Sequence[Entry], corpus_name: str, *, how: str, seed: int = 0) -> list[Entry]:
    """Return the clips with train and val drawn anew; all other splits stay as they are.

    Args:
        entries: the clips of a corpus.
        corpus_name: of the corpus.
        how: paper leaves everything as it is. grouped orders the source videos by a hash of (seed, corpus,
            source video), whatever else the corpus holds, and takes them one after the other for validation
            until they make up a tenth. At least one goes to either side when there are two.
        seed: another one draws other videos.

    Raises:
        ProblemError: ``how`` is neither of the two.
    """
    if how not in HOW:
        raise ProblemError(Problem("split", " or ".join(HOW), repr(how), suggest(how, HOW)))
    if how == "paper":
        return list(entries)
    sizes = Counter(entry.source_video for entry in entries if entry.split in ("train", "val"))
    order = sorted(sizes, key=lambda source: _rank(seed, corpus_name, source))
    held, n_held, wanted = set(), 0, max(round(_SHARE * sizes.total()), 1)
    for source in order[:-1]:
        if n_held >= wanted:
            break
        held.add(source)
        n_held += sizes[source]
    return [
        replace(entry, split="val" if entry.source_video in held else "train")
        if entry.split in ("train", "val")
        else entry
        for entry in entries
    ]


def _rank(seed: int, corpus: str, source: str) -> tuple[bytes, str]:
    return hashlib.sha256(f"{seed}\0{corpus}\0{source}".encode()).digest(), source
