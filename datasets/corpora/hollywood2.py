"""Hollywood2 in its curators' version, cut into shots (Mathe and Sminchisescu; distributed with DHF1K).

Layout::

    root/{training,testing}/actioncliptrain00197_2/{images,maps,fixation}/actioncliptrain00197_00074.png

A folder is one shot. Its files drop the shot's number and count over the whole source video, so the first
number of most shots is far from 1. The training shots are split by the lists published with HD2S, which name
those of 16 frames and more; the others are in no split. Every testing shot is tested on, however short.
Images do not tell the frame rate: 24 fps.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from datasets.corpus import TRAINING_TESTING, Corpus, Entry, Listing, MapRule, Reading
from datasets.listing.layouts import detect, without_annotation
from datasets.listing.published_lists import split_by_lists, unlisted
from datasets.reading.clip import read_clip

FPS = 24.0
_SHOT = re.compile(r"actionclip(?:train|test)[0-9]{5}_[0-9]+")


class Hollywood2(Corpus):
    """The adapter."""

    name = "Hollywood2"
    word = "hollywood2"
    had_from = (
        "https://github.com/wenguanwang/DHF1K, its part cut into shots: 74.6 GB (no licence; its Google Drive"
        " link is reported broken since 2024 in https://github.com/wenguanwang/DHF1K/issues/20: take Baidu's,"
        " or ask wenguanwang.ai@gmail.com)"
    )
    published = MappingProxyType({"train": 1714, "val": 190, "test": 3558})
    # imfilter(fixations, fspecial('gaussian', 150, 20), 'replicate')
    map_rule = MapRule(sigma=20.0, reach=75, even=True, replicate=True)
    layouts = (TRAINING_TESTING,)

    def identify(self, name: str) -> str | None:
        """Return the name if it is that of a shot."""
        return name if _SHOT.fullmatch(name) else None

    def list(self, root: Path, layout: str | None = None) -> Listing:
        """List the shots."""
        found = detect(self.name, root, self.layouts, self.identify, layout)
        entries = [
            replace(
                place.entry,
                split=split_by_lists(place, "Hollywood2"),
                source_video=_source(place.entry),
                fault=place.entry.fault or without_annotation(place),
            )
            for place in found.places
        ]
        remedy = "Nothing: the lists leave out the training shots of fewer than 16 frames."
        return Listing(entries, found.layout, [*found.findings, *unlisted(entries, "note", remedy)])

    def read(self, root: Path, entry: Entry) -> Reading:
        """Read one shot."""
        return read_clip(self.name, root, entry, fps=FPS, prefix=f"{_source(entry)}_")


def _source(entry: Entry) -> str:
    """Return the video that a shot was cut from."""
    return entry.clip.rpartition("_")[0]


CORPUS = Hollywood2()
