"""DHF1K (Wang et al. 2018), as shipped and as the field's repositories rearrange it.

Layouts, with videos counted from 1 and their numbers padded or not::

    shipped   video/001.AVI … 1000.AVI       annotation/0001/{maps,fixation}
    unisal    annotation/0001/images         beside them; the folder may also be train, val or test
    tased     video/0001/0001.png            annotation/0001/…
    vip       video_png/001/…                annotation/0001/…
    salema    frames/1/1.png                 maps/1/0001.png, fixations/1 or none
    hd2s      frames/0001/…                  annotation/0001/…

Maps are 8-bit images numbered from 1, fixation images of {0, 255} or the .mat files in fixation/maps.
Videos 1 to 600 are for training, of which the list published with HD2S is held out for validation; 601 to
700, the public validation set, serve as the test set, as in the paper. The annotations of 701 to 1000 are
withheld: their frames alone are indexed.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from datasets.corpus import Corpus, Entry, Layout, Listing, MapRule, Reading
from datasets.listing.layouts import Place, detect, without_annotation
from datasets.listing.published_lists import published_list
from datasets.reading.clip import read_clip

LAST_TRAINING, LAST_ANNOTATED, LAST = 600, 700, 1000
FPS = 30.0
"""Of all videos but one (801.AVI, 29.97); frame images do not tell."""

_MAPS, _FIXATIONS = ("annotation/{clip}/maps",), ("annotation/{clip}/fixation",)


class DHF1K(Corpus):
    """The adapter."""

    name = "DHF1K"
    word = "dhf1k"
    had_from = (
        "https://github.com/wenguanwang/DHF1K: Google Drive or Baidu, without a request (size not stated; no"
        " licence, to be cited as CVPR 2018; questions: wenguanwang.ai@gmail.com)"
    )
    published = MappingProxyType({"train": 540, "val": 60, "test": 100, "unannotated": 300})
    # FWHM 30 px. The curators' script also moves the peak by two pixels, which is not followed here.
    map_rule = MapRule(sigma=30 / (2 * np.sqrt(2 * np.log(2))), reach=50, even=False, replicate=False)
    layouts = (
        Layout("shipped", ("video/{clip}.{video}",), _MAPS, _FIXATIONS),
        Layout(
            "unisal",
            ("{part}/{clip}/images",),
            ("{part}/{clip}/maps",),
            ("{part}/{clip}/fixation",),
            parts=("annotation", "train", "val", "test"),
        ),
        Layout("tased", ("video/{clip}",), _MAPS, _FIXATIONS),
        Layout("vip", ("video_png/{clip}",), _MAPS, _FIXATIONS),
        Layout("salema", ("frames/{clip}",), ("maps/{clip}",), ("fixations/{clip}", "fixation/{clip}")),
        Layout("hd2s", ("frames/{clip}",), _MAPS, _FIXATIONS),
    )

    def identify(self, name: str) -> str | None:
        """Return a video's identifier, four digits, from its number in any padding."""
        if not re.fullmatch("[0-9]{1,4}", name) or not 1 <= int(name) <= LAST:
            return None
        return f"{int(name):04d}"

    def list(self, root: Path, layout: str | None = None) -> Listing:
        """List the videos; one with frames or annotations alone is listed as well."""
        found = detect(self.name, root, self.layouts, self.identify, layout)
        return Listing([_entry(place) for place in found.places], found.layout, found.findings)

    def read(self, root: Path, entry: Entry) -> Reading:
        """Read one video."""
        return read_clip(self.name, root, entry, fps=FPS)


def _entry(place: Place) -> Entry:
    entry, number = place.entry, int(place.entry.clip)
    if number > LAST_ANNOTATED:
        return replace(entry, split="unannotated", maps="", fixations="")
    if number > LAST_TRAINING:
        split = "test"
    else:
        split = "val" if entry.clip in published_list("DHF1K.val") else "train"
    return replace(entry, split=split, fault=entry.fault or without_annotation(place))


CORPUS = DHF1K()
