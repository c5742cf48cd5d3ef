"""SALICON (Jiang, Huang, Duan, Zhao, CVPR 2015): photographs of COCO, explored with the mouse.

Layouts::

    shipped   images/COCO_train2014_000000000009.jpg   maps/train/<same>.png   fixations/train/<same>.mat
    parts     images/train/…                           the same

A .mat holds ``gaze``, a struct for each observer with ``location``, ``timestamp`` and ``fixations`` (N, 2) =
x, y counted from 1, and ``resolution``, rows and columns. All observers' fixations count.

The maps and fixations of 2015 and of 2017 differ, other fixations having been made of the same traces, and
so do scores on them: they are two corpora, SALICON (2017) and SALICON2015. The files do not say which they
are. The annotations of the 5,000 test photographs are withheld: as with DHF1K, the public validation set
serves as the test set, and a tenth of the training photographs, drawn once for all, is for validation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from datasets.corpus import ClipError, Corpus, Entry, Layout, Listing, Reading, Rows
from datasets.damaged import as_finding
from datasets.listing.holdout import hold_out
from datasets.listing.layouts import Place, detect, without_annotation
from datasets.reading.clip import read_clip
from datasets.reading.fixations import read_fixations
from datasets.reading.numbered_files import Numbered
from manifests import Finding

EDITIONS = ("2015", "2017")

_NAME = re.compile(r"COCO_(train|val|test)2014_[0-9]{12}")
_SPLIT_OF = {"train": "train", "val": "test", "test": "unannotated"}
_MAPS, _FIXATIONS = ("maps/{part}/{clip}.{image}",), ("fixations/{part}/{clip}.mat",)
_PARTS = ("train", "val", "test")


class Salicon(Corpus):
    """The adapter of one edition."""

    name = "SALICON"
    word = "salicon"
    edition: ClassVar[str] = "2017"
    had_from = (
        "http://salicon.net/challenge-2017: images 3.0 GB, with the maps and fixations of 2017 (terms"
        " not stated; to be cited as CVPR 2015; whom to ask is not stated)"
    )
    published = MappingProxyType({"train": 9000, "val": 1000, "test": 5000, "unannotated": 5000})
    layouts = (
        Layout("shipped", ("images/{clip}.{image}",), _MAPS, _FIXATIONS, _PARTS),
        Layout("parts", ("images/{part}/{clip}.{image}",), _MAPS, _FIXATIONS, _PARTS),
    )

    def identify(self, name: str) -> str | None:
        """Return the name if it is that of a photograph."""
        return name if _NAME.fullmatch(name) else None

    def list(self, root: Path, layout: str | None = None) -> Listing:
        """List the photographs."""
        found = detect(self.name, root, self.layouts, self.identify, layout)
        entries = hold_out([_entry(place) for place in found.places], "SALICON", how="grouped")
        return Listing(entries, found.layout, [*found.findings, *self._edition(root)])

    def read(self, root: Path, entry: Entry) -> Reading:
        """Read one photograph."""
        return read_clip(self.name, root, entry, points=_read_gaze)

    def _edition(self, root: Path) -> Iterable[Finding]:
        """Yield a warning where the name of a folder says that this is another edition."""
        for other in EDITIONS:
            if other != self.edition and any(other in step for step in root.absolute().parts[-2:]):
                remedy = f"If it is the edition of {other}, index the corpus of that edition instead."
                yield Finding("warning", "edition", "", "", f"SALICON of {self.edition}", root.name, remedy)


def _entry(place: Place) -> Entry:
    split = _SPLIT_OF[place.entry.clip.split("_")[1].removesuffix("2014")]
    if split == "unannotated":
        return replace(place.entry, split=split, maps="", fixations="")
    return replace(place.entry, split=split, fault=place.entry.fault or without_annotation(place))


def _read_gaze(
    root: Path, entry: Entry, files: Numbered | None, size: tuple[int, int], *, required: bool
) -> tuple[Numbered | None, Rows, list[Finding]]:
    """Read the fixations of all observers; arguments and errors of `datasets.reading.fixations`."""
    if files is None:
        return read_fixations(root, entry, files, size, required=required)
    from datasets.reading import matfile  # noqa: PLC0415 - SciPy takes half a second

    gaze = matfile.load(root, entry.fixations, "gaze")
    resolution = np.ravel(np.asarray(matfile.load(root, entry.fixations, "resolution"), float)).tolist()
    if resolution != [size[1], size[0]]:
        expected, found = f"the resolution of the photograph, {size[1]}x{size[0]}", f"{resolution}"
        raise ClipError("size-mismatch", expected, found, path=entry.fixations)
    observers = gaze if isinstance(gaze, list) else [gaze]
    points = np.concatenate([_points(observer, entry.fixations) for observer in observers])
    inside = ((points >= 1) & (points <= size)).all(axis=1)
    findings = []
    if outside := int((~inside).sum()):
        found, remedy = f"{outside} of {len(points)} outside", "They are left aside: nobody looked there."
        error = ClipError(
            "outside-frame", "fixations in the photograph", found, path=entry.fixations, remedy=remedy
        )
        findings.append(as_finding(error, entry, "note"))
    x, y = np.floor(points[inside]).astype(np.int32).T - 1
    return files, np.stack([np.zeros_like(x), y, x], axis=1), findings


def _points(observer: object, path: str) -> np.ndarray:
    """Return an observer's fixations (n, 2) = x, y counted from 1."""
    if not isinstance(observer, dict) or "fixations" not in observer:
        found = f"only {', '.join(observer)}" if isinstance(observer, dict) else "another value"
        raise ClipError("missing-key", "a struct with fixations for each observer in gaze", found, path=path)
    try:
        points = np.asarray(observer["fixations"], float)
        points = points.reshape(-1, 2) if points.ndim < 2 else points
    except (TypeError, ValueError) as error:
        raise ClipError("bad-fixations", "pairs of numbers in fixations", "others", path=path) from error
    if points.size and (points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all()):
        found = "x".join(map(str, points.shape)) + (" with NaN" if np.isnan(points).any() else "")
        raise ClipError("bad-fixations", "x and y of each fixation", found, path=path)
    return points.reshape(-1, 2)


CORPUS = Salicon()
