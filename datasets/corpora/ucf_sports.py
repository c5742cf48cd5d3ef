"""UCF Sports in its curators' version (Mathe and Sminchisescu; distributed with DHF1K).

Layout::

    root/{training,testing}/Diving-Side-001/{images,maps,fixation}/Diving-Side_001_001.png

The folder's number follows a hyphen, the files' an underscore. Of the training folders, those in the list
published with HD2S are held out for validation. Images do not tell the frame rate; UCF's own statistics of
the dataset (150 clips, 958 s) give 10 fps, which agrees with the 9,430 frames of the curated version.
"""

from __future__ import annotations

import re
from pathlib import Path

from datasets.corpus import Corpus, Entry, Listing, Rows, require
from datasets.frame_folder import list_clip_folders, read_frame_folder
from manifests import Clip

FPS = 10.0
_CLIP = re.compile(r"([A-Za-z]+(?:-[A-Za-z]+)*)-(\d{3})")


class UCFSports(Corpus):
    """The adapter."""

    name = "UCFSports"
    word = "ucf_sports"

    def list(self, root: Path) -> Listing:
        """List the clips."""
        entries = [
            Entry(match[0], split, match[0], "frames", path)
            for match, split, path in list_clip_folders(root, _CLIP, "UCF.val")
        ]
        require(self.name, root, entries, "training/Diving-Side-001/{images,maps,fixation} … and testing/…")
        return Listing(entries, [])

    def read(self, root: Path, entry: Entry) -> tuple[Clip, Rows]:
        """Read one clip."""
        action, number = _CLIP.fullmatch(entry.clip).groups()
        return read_frame_folder(self.name, root, entry, prefix=f"{action}_{number}_", fps=FPS)


CORPUS = UCFSports()
