"""The smallest corpus: folders of frames below train, val and test, and images of fixated pixels beside.

python -m datasets index tiny_squares --plugins tests/plugins/tiny --root DIR

Layout::

    root/{train,val,test}/<clip>/frames/0001.png
    root/{train,val,test}/<clip>/fixations/0001.png

It ships no saliency maps: they are made of the fixations by its own rule.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from datasets.corpus import Corpus, Entry, Layout, Listing, MapRule, Reading
from datasets.listing.layouts import detect, without_annotation
from datasets.reading.clip import read_clip

FPS = 25.0


class TinySquares(Corpus):
    """The adapter."""

    name = "TinySquares"
    word = "tiny_squares"
    title = "Tiny Squares"
    map_rule = MapRule(sigma=4.0, reach=12, even=False, replicate=False)
    layouts = (
        Layout(
            "shipped",
            ("{part}/{clip}/frames",),
            (),
            ("{part}/{clip}/fixations",),
            parts=("train", "val", "test"),
        ),
    )

    def list(self, root: Path, layout: str | None = None) -> Listing:
        """List the clips; the folder that one lies in is its split."""
        found = detect(self.name, root, self.layouts, str, layout)
        entries = [
            replace(place.entry, split=place.part, fault=place.entry.fault or without_annotation(place))
            for place in found.places
        ]
        return Listing(entries, found.layout, found.findings)

    def read(self, root: Path, entry: Entry) -> Reading:
        """Read one clip: every frame and every image of fixations, which are counted and compared."""
        return read_clip(self.name, root, entry, fps=FPS, needs_maps=False)


CORPUS = TinySquares()
