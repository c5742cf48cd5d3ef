"""MIT300 (Judd, Durand, Torralba, MIT-CSAIL-TR-2012-001): 300 photographs, 39 observers, a benchmark.

Layouts::

    shipped   BenchmarkIMAGES/i1.jpg … i300.jpg
    folder    i1.jpg … i300.jpg

What the observers looked at is withheld: all photographs are unannotated, and serve to make submissions.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from datasets.corpus import Corpus, Entry, Layout, Listing, Reading
from datasets.listing.layouts import detect
from datasets.reading.clip import read_clip


class MIT300(Corpus):
    """The adapter."""

    name = "MIT300"
    word = "mit300"
    had_from = (
        "http://people.csail.mit.edu/tjudd/SaliencyBenchmark: its 300 images (size not stated, nor a licence;"
        " to be cited as MIT-CSAIL-TR-2012-001; questions: saliency@mit.edu)"
    )
    published = MappingProxyType({"unannotated": 300})
    layouts = (
        Layout("shipped", ("BenchmarkIMAGES/{clip}.{image}",), (), ()),
        Layout("folder", ("{clip}.{image}",), (), ()),
    )

    def list(self, root: Path, layout: str | None = None) -> Listing:
        """List the photographs."""
        found = detect(self.name, root, self.layouts, _identify, layout)
        entries = [replace(place.entry, split="unannotated") for place in found.places]
        return Listing(entries, found.layout, found.findings)

    def read(self, root: Path, entry: Entry) -> Reading:
        """Read one photograph."""
        return read_clip(self.name, root, entry)


def _identify(name: str) -> str:
    return name


CORPUS = MIT300()
