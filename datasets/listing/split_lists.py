"""The lists of clips that a corpus of one's own may have: train.txt, val.txt, test.txt and the like."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from datasets.listing.file_names import IMAGE_SUFFIXES, VIDEO_SUFFIXES, escapes
from datasets.listing.list_formats import LIST_SUFFIXES, listed_names
from manifests import Finding, Problem, ProblemError

PARTS = ("train", "val", "test")
SPLIT_OF = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""What folders and lists may be called, in lower case, and the split that is meant."""


@dataclass(frozen=True)
class Lists:
    """The split lists of a root."""

    files: dict[str, str]
    """Of each split that has a list, the name of its file."""
    splits: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    """Of each clip, the splits whose lists name it, in order."""
    hints: dict[str, str] = field(default_factory=dict)
    """What to do about a listed name that is no clip, where it tells."""


def read_lists(root: Path, clips: Collection[str]) -> tuple[Lists, list[Finding]]:
    """Read the split lists that are there, and tell what is repeated in one.

    Args:
        root: the corpus root.
        clips: identifiers of those that are there, by which names with a suffix or a folder are known.

    Raises:
        ProblemError: one of them is no list (`datasets.listing.list_formats`), or a split has two.
    """
    lists, findings = Lists(list_files(root)), []
    for split, file in lists.files.items():
        names = []
        for line in listed_names(root / file, lambda text: _clip(text, clips) in clips):
            name = _clip(line, clips)
            names.append(name)
            lists.splits[name][split] = None
            if name not in clips and _clip(line.split()[0], clips) in clips:
                lists.hints[name] = "Correct the list: it takes a clip to a line, without further columns."
        if repeated := sorted(name for name, count in Counter(names).items() if count > 1):
            expected, remedy = "every clip once in a list", "It counts once."
            found = f"{', '.join(repeated[:5])} again"
            findings.append(Finding("note", "repeated", "", file, expected, found, remedy))
    return lists, findings


def list_files(root: Path) -> dict[str, str]:
    """Return the names of the lists, in the order of the splits; .txt goes before other suffixes.

    Raises:
        ProblemError: a split has two.
    """
    files: dict[str, list[str]] = defaultdict(list)
    for path in sorted(root.iterdir()):
        split = SPLIT_OF.get(path.stem.lower()) if path.suffix.lower() in LIST_SUFFIXES else None
        if split and path.is_file():
            files[split].append(path.name)
    chosen = {}
    for split in (split for split in PARTS if split in files):
        first = [name for name in files[split] if name.lower().endswith(LIST_SUFFIXES[0])] or files[split]
        if len(first) > 1:
            found, remedy = " and ".join(first), "Put the clips into one of them."
            raise ProblemError(Problem(f"lists in {root}", f"one for {split}", found, remedy))
        chosen[split] = first[0]
    return chosen


def tells_split(name: str) -> bool:
    """Whether a file's name has the word of a split in it, as test_list.mat and ids-train.xlsx do."""
    return any(word in SPLIT_OF for word in re.findall("[a-z]+", name.lower()))


def _clip(name: str, clips: Collection[str]) -> str:
    """Return the clip that a listed name means, be it with suffix and folders; the name itself if none."""
    # Some systems write é as e with an accent that follows it: the same name to whoever reads it.
    name = unicodedata.normalize("NFC", name)
    last = PurePosixPath(name).name
    stem, _, suffix = last.rpartition(".")
    bare = stem if suffix.lower() in VIDEO_SUFFIXES + IMAGE_SUFFIXES else last
    if name in clips or escapes(name):
        return name
    return next((meant for meant in (last, bare) if meant in clips), name)
