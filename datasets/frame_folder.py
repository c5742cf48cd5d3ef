"""Clips kept as folders of frame images, maps and fixation images: the form of Hollywood2 and UCF Sports."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from datasets.annotation import Numbered, check_counts, count_fixated, numbered, read_fixations
from datasets.corpus import ClipError, Entry, Rows, describe
from manifests import Clip


def read_frame_folder(corpus: str, root: Path, entry: Entry, *, prefix: str, fps: float) -> tuple[Clip, Rows]:
    """Read the clip in ``<entry.path>/{images,maps,fixation}/<prefix><number>.png``.

    Args:
        corpus: name of the corpus.
        root: the corpus root.
        entry: the clip as listed.
        prefix: of all the file names.
        fps: frames per second, which images do not tell.

    Raises:
        ClipError: frames, maps and fixation images differ in number or size.
    """
    images, maps, fixations = (
        numbered(root, f"{entry.path}/{kind}", prefix) for kind in ("images", "maps", "fixation")
    )
    check_counts(images.count, maps, fixations)
    if images.first != maps.first:
        raise ClipError(f"frames are numbered from {images.first}, maps from {maps.first}")
    with Image.open(images.paths(root)[0]) as first:
        (width, height), codec = first.size, first.format.lower()
    rows = read_fixations(root, fixations, width, height)
    size_bytes, mtime_ns = _stat(root, images)
    clip = describe(
        corpus,
        entry,
        frame_pattern=images.pattern,
        map_pattern=maps.pattern,
        fixation_pattern=fixations.pattern,
        first_frame=images.first,
        n_frames=images.count,
        fps=fps,
        width=width,
        height=height,
        codec=codec,
        n_fixated_frames=count_fixated(rows),
        size_bytes=size_bytes,
        mtime_ns=mtime_ns,
    )
    return clip, rows


def _stat(root: Path, images: Numbered) -> tuple[int, int]:
    """Return the total size of the images and the latest change of any."""
    stats = [path.stat() for path in images.paths(root)]
    return sum(s.st_size for s in stats), max(s.st_mtime_ns for s in stats)
