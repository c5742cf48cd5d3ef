"""MIT1003 (Judd, Ehinger, Durand, Torralba, ICCV 2009): 1,003 photographs, 15 observers, free viewing.

Layout::

    ALLSTIMULI/<photograph>.jpeg   ALLFIXATIONMAPS/<photograph>_fixMap.jpg and <photograph>_fixPts.jpg

Fixations are white pixels that were saved as JPEG, which leaves grey ones around them: those of at least half
white are taken. The raw traces in DATA are not read. No split is published, and papers cross-validate: every
photograph is a test photograph here, of which a grid's `folds` make training, validation and test sets.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from datasets.corpus import Corpus, Entry, Layout, Listing, Reading, Rows
from datasets.listing.layouts import detect, without_annotation
from datasets.reading.clip import read_clip
from datasets.reading.fixation_points import Points
from datasets.reading.fixations import read_fixations
from datasets.reading.images import check_size, open_image
from datasets.reading.numbered_files import Numbered
from datasets.reading.pixels import fixation_values
from manifests import Finding

_LEAST = 128  # of 255: JPEG leaves a white pixel on black above this, and what is beside it below


class MIT1003(Corpus):
    """The adapter."""

    name = "MIT1003"
    word = "mit1003"
    had_from = (
        "https://people.csail.mit.edu/tjudd/WherePeopleLook: ALLSTIMULI.zip and ALLFIXATIONMAPS.zip (size not"
        " stated, nor a licence; to be cited as ICCV 2009; whom to ask is not stated)"
    )
    published = MappingProxyType({"test": 1003})
    layouts = (
        Layout(
            "shipped",
            ("ALLSTIMULI/{clip}.{image}",),
            ("ALLFIXATIONMAPS/{clip}_fixMap.{image}",),
            ("ALLFIXATIONMAPS/{clip}_fixPts.{image}",),
        ),
    )

    def list(self, root: Path, layout: str | None = None) -> Listing:
        """List the photographs."""
        found = detect(self.name, root, self.layouts, self.identify, layout)
        entries = [
            replace(place.entry, split="test", fault=place.entry.fault or without_annotation(place))
            for place in found.places
        ]
        return Listing(entries, found.layout, found.findings)

    def read(self, root: Path, entry: Entry) -> Reading:
        """Read one photograph."""
        return read_clip(self.name, root, entry, points=_read_points)


def _read_points(
    root: Path, entry: Entry, files: Numbered | None, size: tuple[int, int], *, required: bool
) -> tuple[Numbered | None, Rows, list[Finding]]:
    """Read the white pixels; arguments and errors of `datasets.reading.fixations`."""
    if files is None:
        return read_fixations(root, entry, files, size, required=required)
    image, points = open_image(root, entry.fixations), Points()
    check_size(image, size, entry.fixations)
    points.add(fixation_values(image) >= _LEAST, entry.fixations)
    return files, points.rows, []


CORPUS = MIT1003()
