"""A corpus in one file: <split>/<clip>/{frames,maps,fixations}/0001.png, 25 frames a second."""

from __future__ import annotations

from pathlib import Path

from datasets.corpus import Corpus, Entry, Listing, Reading
from datasets.listing.layouts import require
from datasets.reading.clip import read_clip


class Tiny(Corpus):
    """Lists its clips by their names alone, and reads each by itself."""

    name, word, title = "TinyClips", "tiny_clips", "Tiny Clips"

    def list(self, root: Path, layout: str | None = None) -> Listing:
        """List the clips of train, val and test."""
        folders = sorted(path for split in ("train", "val", "test") for path in root.glob(f"{split}/*/"))
        require(self.name, root, folders, "folders train, val and test of clips")
        entries = [
            Entry(
                clip=folder.name,
                split=folder.parent.name,
                source_video=folder.name,
                media="frames",
                path=f"{folder.parent.name}/{folder.name}/frames",
                maps=f"{folder.parent.name}/{folder.name}/maps",
                fixations=f"{folder.parent.name}/{folder.name}/fixations",
            )
            for folder in folders
        ]
        return Listing(entries, "shipped", [])

    def read(self, root: Path, entry: Entry) -> Reading:
        """Read a clip; whatever is raised here quarantines it, with the reason."""
        return read_clip(self.name, root, entry, fps=25.0)


CORPUS = Tiny()
