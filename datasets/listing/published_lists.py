"""The published lists of training and validation clips, kept beside this file in ``splits``."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path

from datasets.corpus import Entry
from datasets.listing.file_names import first_few
from datasets.listing.layouts import Place
from manifests import Finding


@functools.cache
def published_list(name: str) -> frozenset[str]:
    """Return the clip identifiers of a list published with HD2S, e.g. DHF1K.val."""
    text = (Path(__file__).parent / "splits" / f"{name}.txt").read_text(encoding="utf-8")
    return frozenset(text.split())


def split_by_lists(place: Place, lists: str) -> str:
    """Return the split of a clip in ``training`` or ``testing``, by the lists of this name."""
    if place.part == "testing":
        return "test"
    held = [split for split in ("train", "val") if place.entry.clip in published_list(f"{lists}.{split}")]
    return held[0] if held else "unlisted"


def unlisted(entries: Iterable[Entry], level: str, remedy: str) -> list[Finding]:
    """Return the finding about the clips that are in no split, if there are any."""
    names = [entry.clip for entry in entries if entry.split == "unlisted"]
    if not names:
        return []
    found = f"{len(names)} in none: {first_few(names)}"
    return [Finding(level, "unlisted", "", "", "every clip in a split", found, remedy)]
