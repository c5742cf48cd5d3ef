"""A corpus of one's own: videos, frame folders or photographs, with the annotations and lists that there are.

Layouts; ``fixations`` may also be called ``fixation``, and ``frames`` images::

    videos          videos/<clip>.mp4            maps/<clip>/…          fixations/<clip>/…
    frames          frames/<clip>/…              maps/<clip>/…          fixations/<clip>/…
    split-videos    the same below train, val and test
    split-frames    the same below train, val and test
    clips           train/<clip>/{images,maps,fixation}
    images          images/<clip>.jpg            maps/<clip>.png        fixations/<clip>.png
    split-images    the same below train, val and test

The last two are of photographs, each a clip of one frame, in any usual format (fixations as .mat as well).
They may also lie in photographs or stimuli.

Frames, maps and fixations are numbered files, one for each frame; fixations are images in which everything
above 0 is a fixated pixel, or .mat files with such an image as I.

Splits are taken from train.txt, val.txt and test.txt beside these folders, one clip to a line, or else from
the folders train, val and test; where there are neither, every clip trains. Clips in no list are in no split.
Both may also be called training, validation or valid, and testing, in upper or lower case. In a list, clips
may have their suffix and folder, and lines that begin with # say nothing. A list may also be a table or JSON
(`datasets.listing.list_formats`). Whatever else lies beside the clips is named among the problems.
If there is nothing for validation, a tenth of the training clips is held out
(`datasets.listing.holdout`). Clips without maps have theirs made from their fixations; without either
they are unannotated.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from datasets.corpora.registry import is_plain, taken
from datasets.corpus import Corpus, Entry, Layout, Listing, MapRule, Reading
from datasets.listing.file_names import escapes, first_few
from datasets.listing.holdout import hold_out
from datasets.listing.layouts import Place, detect, listed_only
from datasets.listing.published_lists import unlisted
from datasets.listing.split_lists import SPLIT_OF, Lists, list_files, read_lists
from datasets.reading.clip import read_clip
from manifests import Finding, Problem, ProblemError, natural_key

_WORDS = tuple(SPLIT_OF)

_MAPS, _FIXATIONS = ("maps/{clip}",), ("fixations/{clip}", "fixation/{clip}")
_VIDEOS, _FRAMES = ("videos/{clip}.{video}",), ("frames/{clip}", "images/{clip}")


_PHOTOGRAPHS = ("images/{clip}.{image}", "photographs/{clip}.{image}", "stimuli/{clip}.{image}")
_MAP = ("maps/{clip}.{image}",)
_POINTS = tuple(
    f"{folder}/{{clip}}.{suffix}" for folder in ("fixations", "fixation") for suffix in ("{image}", "mat")
)


def _in_parts(patterns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{{part}}/{pattern}" for pattern in patterns)


@dataclass(frozen=True)
class FolderCorpus(Corpus):
    """The adapter of one such corpus.

    Args:
        name: as tables and manifests print it: letters, digits, ``_`` and ``-``, and none of the four
            corpora's names.
        seed: of what is held out for validation where nothing is given for it.

    Raises:
        ProblemError: the name is not of that kind.
    """

    name: str
    seed: int = 0

    published: ClassVar[Mapping[str, int]] = MappingProxyType({})
    # The numbers of DHF1K: those of another corpus are as good a guess, and results depend on these.
    map_rule: ClassVar[MapRule] = MapRule(
        sigma=30 / (2 * np.sqrt(2 * np.log(2))), reach=50, even=False, replicate=False
    )
    layouts: ClassVar[tuple[Layout, ...]] = (
        Layout("videos", _VIDEOS, _MAPS, _FIXATIONS),
        Layout("frames", _FRAMES, _MAPS, _FIXATIONS),
        Layout("split-videos", _in_parts(_VIDEOS), _in_parts(_MAPS), _in_parts(_FIXATIONS), _WORDS),
        Layout("split-frames", _in_parts(_FRAMES), _in_parts(_MAPS), _in_parts(_FIXATIONS), _WORDS),
        Layout(
            "clips",
            ("{part}/{clip}/images", "{part}/{clip}/frames"),
            ("{part}/{clip}/maps",),
            ("{part}/{clip}/fixation", "{part}/{clip}/fixations"),
            _WORDS,
        ),
        Layout("images", _PHOTOGRAPHS, _MAP, _POINTS),
        Layout("split-images", _in_parts(_PHOTOGRAPHS), _in_parts(_MAP), _in_parts(_POINTS), _WORDS),
    )

    def __post_init__(self) -> None:
        if not is_plain(self.name) or self.name.lower() in taken():
            expected = "a plain word that is no corpus of the paper"
            remedy = "Use letters, digits, _ and -, as in --name MyVideos."
            raise ProblemError(Problem("name of the corpus", expected, repr(self.name), remedy))

    # Read only: it is the name, which is given, where other adapters' words are attributes of their classes.
    @property
    def word(self) -> str:  # type: ignore[override]
        """As the command line says it: its name."""
        return self.name

    def identify(self, name: str) -> str:
        """Return the name as it is written down; file systems differ in how they keep accents."""
        return unicodedata.normalize("NFC", name)

    def list(self, root: Path, layout: str | None = None) -> Listing:
        """List the clips that are there, and those that only a split list names."""
        found = detect(self.name, root, self.layouts, self.identify, layout, lists=list_files)
        places = [replace(place, part=SPLIT_OF.get(place.part, "")) for place in found.places]
        lists, notes = read_lists(root, {place.entry.clip for place in places})
        entries = [_entry(place, lists) for place in places]
        media = next(known.kind for known in self.layouts if known.name == found.layout)
        there = {entry.clip for entry in entries}
        for name in sorted(set(lists.splits) - there, key=natural_key):
            split = next(iter(lists.splits[name]))
            path = "" if escapes(name) else _expected(media, name)
            entries.append(listed_only(name, split, path, media, lists.hints.get(name, "")))
        if not any(entry.split == "val" for entry in entries):
            # None that cannot be used: there would be nothing to validate on.
            held = iter(
                hold_out([e for e in entries if not e.fault], self.name, how="grouped", seed=self.seed)
            )
            entries = [entry if entry.fault else next(held) for entry in entries]
        notes += _told_by_listing(places, lists, entries)
        if not any(entry.split == "train" and not entry.fault for entry in entries):
            remedy = "Name some in train.txt, or lay them below train; to test only, this is no matter."
            expected = "annotated clips to train on"
            notes.append(Finding("error", "no-training", "", "", expected, "none", remedy))
        return Listing(entries, found.layout, [*found.findings, *notes])

    def read(self, root: Path, entry: Entry) -> Reading:
        """Read one clip."""
        return read_clip(self.name, root, entry, fps=0.0, needs_maps=False)


def _expected(media: str, clip: str) -> str:
    return {"video": f"videos/{clip}.*", "image": f"images/{clip}.*"}.get(media, f"frames/{clip}")


def _entry(place: Place, lists: Lists) -> Entry:
    """Return a clip with its split, and its fault when two lists name it."""
    entry, fault = place.entry, place.entry.fault
    own = list(lists.splits.get(entry.clip, ()))
    by_lists = own[0] if own else "unlisted"
    split = by_lists if lists.files else place.part or "train"
    if len(own) > 1 and fault is None:
        found = " and ".join(lists.files[split] for split in own)
        remedy = "Remove it from all but one."
        fault = Finding("error", "two-splits", entry.clip, entry.path, "a clip in one list", found, remedy)
    return replace(entry, split=split if place.annotated else "unannotated", fault=fault)


def _told_by_listing(places: list[Place], lists: Lists, entries: list[Entry]) -> list[Finding]:
    """Return what concerns many clips at once."""
    remedy = "Add them to train.txt, val.txt or test.txt."
    findings = unlisted(entries, "warning", remedy)
    moved = [
        p.entry.clip
        for p in places
        if p.part and lists.splits.get(p.entry.clip, {p.part: None}).keys() != {p.part}
    ]
    bare = [p.entry.clip for p in places if not p.annotated and p.entry.clip in lists.splits]
    made = [p.entry.clip for p in places if p.entry.fixations and not p.entry.maps]
    for level, kind, names, expected, remedy in (
        ("warning", "two-splits", moved, "lists that agree with the folders", "The lists are followed."),
        (
            "warning",
            "no-annotation",
            bare,
            "maps or fixations of listed clips",
            "They can only be adapted to.",
        ),
        ("note", "no-maps", made, "saliency maps", "They are made from the fixations."),
    ):
        if names:
            found = f"none for {len(names)}" if kind != "two-splits" else f"{len(names)} that do not"
            found += f": {first_few(names)}"
            findings.append(Finding(level, kind, "", "", expected, found, remedy))
    return findings
