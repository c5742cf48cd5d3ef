"""Where a clip's fixations are, in which form they are read, and what is told where they cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datasets.corpus import ClipError, Entry, Rows
from datasets.damaged import as_finding
from datasets.reading.beside import beside, left_aside_of
from datasets.reading.fixation_points import Points, read_fixation_images, read_fixation_mats
from datasets.reading.numbered_files import Numbered, files_by_suffix, numbered
from datasets.reading.pixels import LOSSLESS_SUFFIXES
from manifests import Finding

NO_ROWS = np.empty((0, 3), np.int32)

_MATS_BELOW = "maps"  # the folder below the images in which some corpora have the same as .mat
_NO_POINTS = ("lossy-fixations", "soft-fixations")
_FORMS = "Give images as PNG, BMP, TIFF or lossless WebP, or .mat files"


def find_fixations(root: Path, folder: str, prefix: str | None) -> Numbered | None:
    """Find the fixation images; where there are none, the .mat files beside or one folder below."""
    kinds = [(folder, suffix) for suffix in (*LOSSLESS_SUFFIXES, "mat")]
    found = (numbered(root, place, (kind,), prefix) for place, kind in (*kinds, (f"{folder}/maps", "mat")))
    return next((files for files in found if files), None)


def read_fixations(
    root: Path, entry: Entry, files: Numbered | None, size: tuple[int, int], *, required: bool
) -> tuple[Numbered | None, Rows, list[Finding]]:
    """Read what `find_fixations` found.

    Args:
        root: the corpus root.
        entry: the clip.
        files: its fixations; None where it has none.
        size: (width, height) of its frames.
        required: whether the clip cannot be used without.

    Returns:
        the files (None where they show no points, so that none of them counts), int32 (N, 3) = frame, row,
        column, and what was noticed.

    Raises:
        ClipError: they cannot be read, or are required and show no points.
    """
    if files is None:
        return None, NO_ROWS, [_none(root, entry)]
    is_image = not files.pattern.lower().endswith(".mat")
    try:
        points = (read_fixation_images if is_image else read_fixation_mats)(root, files, size)
    except ClipError as error:
        if required or error.kind not in _NO_POINTS:
            raise
        return None, NO_ROWS, [as_finding(error, entry, "warning")]
    findings = [*beside(entry, [files], ("mat", _MATS_BELOW)), *left_aside_of(entry, files, points.left_out)]
    findings += [*_groups(entry, files, points), *(_other_mats(root, entry, files) if is_image else ())]
    return files, points.rows, findings


def _none(root: Path, entry: Entry) -> Finding:
    """Return the warning for a clip without fixations that can be read; says what is there instead."""
    found, remedy = "none", "NSS and AUC cannot be scored on this clip; unpack its fixations to have them."
    if others := files_by_suffix(root, entry.fixations) if entry.fixations else None:
        found = f"only {', '.join(f'{count} {suffix}' for suffix, count in others.most_common(3))}"
        blurred = ": JPEG blurs single pixels" if others.keys() & {"jpg", "jpeg"} else ""
        remedy = f"{_FORMS}{blurred}. NSS and AUC cannot be scored on this clip until then."
    expected = "fixations beside the maps"
    error = ClipError("no-fixations", expected, found, path=entry.fixations, remedy=remedy)
    return as_finding(error, entry, "warning")


def _groups(entry: Entry, files: Numbered, points: Points) -> list[Finding]:
    """Return a warning where each fixation seems to have several pixels, which are counted all."""
    if not points.in_groups:
        return []
    found = f"{points.count} fixated pixels, none of them alone"
    remedy = "Resized to the nearest pixel, or drawn as discs: each pixel counts. Set one for each fixation."
    error = ClipError("fixation-groups", "single fixated pixels", found, path=files.folder, remedy=remedy)
    return [as_finding(error, entry, "warning")]


def _other_mats(root: Path, entry: Entry, images: Numbered) -> list[Finding]:
    """Return a warning when beside the fixation images there are .mat files, and not as many."""
    places = (images.folder, f"{images.folder}/{_MATS_BELOW}")
    counts = [files_by_suffix(root, folder)["mat"] for folder in places]
    other = [count for count in counts if count not in (0, images.count)]
    if not other:
        return []
    expected, found = f"as many .mat files as images, {images.count}", f"{other[0]}"
    remedy = "The images are read, and the .mat files are not; see whether both are whole."
    error = ClipError("two-fixations", expected, found, path=images.folder, remedy=remedy)
    return [as_finding(error, entry, "warning")]
