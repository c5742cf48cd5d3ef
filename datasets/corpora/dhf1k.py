"""DHF1K as shipped (Wang et al. 2018).

Layout::

    root/video/001.AVI … 1000.AVI
    root/annotation/0001/maps/0001.png …            8-bit saliency maps, numbered from 1
    root/annotation/0001/fixation/0001.png …        {0, 255}; the .mat beside them hold the same points

Videos 1 to 600 are for training, of which the list published with HD2S is held out for validation; 601 to
700, the public validation set, serve as the test set, as in the paper. The annotations of 701 to 1000 are
withheld, so these are listed in a note only.
"""

from __future__ import annotations

import re
from pathlib import Path

from datasets.annotation import check_counts, count_fixated, numbered, read_fixations
from datasets.corpus import ClipError, Corpus, Entry, Listing, Rows, describe, published_list, require
from datasets.video import probe
from manifests import Clip

LAST_TRAINING, LAST_ANNOTATED = 600, 700


class DHF1K(Corpus):
    """The adapter."""

    name = "DHF1K"
    word = "dhf1k"

    def list(self, root: Path) -> Listing:
        """List the annotated videos; a video or annotation folder without the other is listed as well."""
        videos = {int(n) for n in _names(root / "video", r"(\d{3,4})\.AVI", "{:03d}.AVI")}
        annotations = {int(n) for n in _names(root / "annotation", r"(\d{4})", "{:04d}")}
        require(self.name, root, videos, "video/001.AVI … and annotation/0001/{maps,fixation} …")
        entries = [
            Entry(f"{n:04d}", _split(n), f"{n:04d}", "video", f"video/{n:03d}.AVI")
            for n in sorted(videos | annotations)
            if n <= LAST_ANNOTATED
        ]
        withheld = sum(n > LAST_ANNOTATED for n in videos)
        notes = [f"{withheld} videos after {LAST_ANNOTATED} left out: their annotations are withheld"]
        return Listing(entries, notes if withheld else [])

    def read(self, root: Path, entry: Entry) -> tuple[Clip, Rows]:
        """Decode the video once, and read its fixation images."""
        video = probe(root / entry.path)
        maps, fixations = (numbered(root, f"annotation/{entry.clip}/{kind}") for kind in ("maps", "fixation"))
        check_counts(video.n_frames, maps, fixations)
        if maps.first != 1:
            raise ClipError(f"maps are numbered from {maps.first}, expected from 1")
        rows = read_fixations(root, fixations, video.width, video.height)
        stat = (root / entry.path).stat()
        clip = describe(
            self.name,
            entry,
            map_pattern=maps.pattern,
            fixation_pattern=fixations.pattern,
            first_frame=maps.first,
            n_frames=video.n_frames,
            fps=video.fps,
            width=video.width,
            height=video.height,
            codec=video.codec,
            keyframes=video.keyframes,
            n_fixated_frames=count_fixated(rows),
            size_bytes=stat.st_size,
            mtime_ns=stat.st_mtime_ns,
        )
        return clip, rows


def _split(number: int) -> str:
    if number > LAST_TRAINING:
        return "test"
    return "val" if f"{number:04d}" in published_list("DHF1K.val") else "train"


def _names(folder: Path, shape: str, form: str) -> list[str]:
    """Return the numbers in the names of a folder that are written exactly as shipped."""
    if not folder.is_dir():
        return []
    matches = [re.fullmatch(shape, p.name) for p in folder.iterdir()]
    return [m[1] for m in matches if m and form.format(int(m[1])) == m[0]]


CORPUS = DHF1K()
