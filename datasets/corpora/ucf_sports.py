"""UCF Sports in its curators' version (Mathe and Sminchisescu; distributed with DHF1K).

Layout::

    root/{training,testing}/Diving-Side-001/{images,maps,fixation}/Diving-Side_001_001.png

The folder's number follows a hyphen, the files' an underscore. The training clips are split by the lists
published with HD2S, which name all 103. Images do not tell the frame rate; UCF's own statistics of the
dataset (150 clips, 958 s) give 10 fps, which agrees with the 9,430 frames of the curated version.
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

FPS = 10.0
_CLIP = re.compile(r"([A-Za-z]+(?:-[A-Za-z]+)*)-([0-9]{3})")


class UCFSports(Corpus):
    """The adapter."""

    name = "UCFSports"
    title = "UCF Sports"
    word = "ucf_sports"
    had_from = (
        "https://github.com/wenguanwang/DHF1K: in the folder of DHF1K on Google Drive or Baidu, without a"
        " request (size not stated; no licence; questions: wenguanwang.ai@gmail.com)"
    )
    published = MappingProxyType({"train": 93, "val": 10, "test": 47})
    # imfilter(fixations, fspecial('gaussian', 150, 20), 'replicate')
    map_rule = MapRule(sigma=20.0, reach=75, even=True, replicate=True)
    layouts = (TRAINING_TESTING,)

    def identify(self, name: str) -> str | None:
        """Return the name if it is that of a clip."""
        return name if _CLIP.fullmatch(name) else None

    def list(self, root: Path, layout: str | None = None) -> Listing:
        """List the clips."""
        found = detect(self.name, root, self.layouts, self.identify, layout)
        entries = [
            replace(
                place.entry,
                split=split_by_lists(place, "UCF"),
                fault=place.entry.fault or without_annotation(place),
            )
            for place in found.places
        ]
        remedy = "The lists name all training clips: see whether these belong to the corpus."
        return Listing(entries, found.layout, [*found.findings, *unlisted(entries, "warning", remedy)])

    def read(self, root: Path, entry: Entry) -> Reading:
        """Read one clip."""
        # Only names of this form are listed (`identify`).
        action, _, number = entry.clip.rpartition("-")
        return read_clip(self.name, root, entry, fps=FPS, prefix=f"{action}_{number}_")


CORPUS = UCFSports()
