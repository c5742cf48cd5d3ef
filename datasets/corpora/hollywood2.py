"""Hollywood2 in its curators' version, cut into shots (Mathe and Sminchisescu; distributed with DHF1K).

Layout::

    root/{training,testing}/actioncliptrain00197_2/{images,maps,fixation}/actioncliptrain00197_00074.png

A folder is one shot. Its files drop the shot's number and count over the whole source video, so the first
number of most shots is far from 1. Of the training folders, those in the list published with HD2S are held
out for validation; all others train, except that shots shorter than a window are passed over when windows
are drawn. Every testing folder is tested on, however short. Images do not tell the frame rate: 24 fps.
"""

from __future__ import annotations

import re
from pathlib import Path

from datasets.corpus import Corpus, Entry, Listing, Rows, require
from datasets.frame_folder import list_clip_folders, read_frame_folder
from manifests import Clip

FPS = 24.0
_SHOT = re.compile(r"(actionclip(?:train|test)\d{5})_\d+")


class Hollywood2(Corpus):
    """The adapter."""

    name = "Hollywood2"
    word = "hollywood2"

    def list(self, root: Path) -> Listing:
        """List the shots."""
        entries = [
            Entry(match[0], split, match[1], "frames", path)
            for match, split, path in list_clip_folders(root, _SHOT, "Hollywood2.val")
        ]
        require(
            self.name, root, entries, "training/actioncliptrain00001_1/{images,maps,fixation} … and testing/…"
        )
        return Listing(entries, [])

    def read(self, root: Path, entry: Entry) -> tuple[Clip, Rows]:
        """Read one shot."""
        return read_frame_folder(self.name, root, entry, prefix=f"{entry.source_video}_", fps=FPS)


CORPUS = Hollywood2()
