"""Clips kept as folders of frame images, maps and fixation images: the form of Hollywood2 and UCF Sports."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from datasets.annotation import Numbered, check_counts, count_fixated, numbered, read_fixations
from datasets.corpus import ClipError, Entry, Rows, describe, published_list
from manifests import Clip, natural_key


def list_clip_folders(
    root: Path, shape: re.Pattern[str], published: str
) -> Iterator[tuple[re.Match[str], str, str]]:
    """Yield (match of the name, split, path) of the clip folders in ``training`` and ``testing``, in order.

    Args:
        root: the corpus root.
        shape: what the name of a clip folder looks like; others are passed over.
        published: the split list whose clips are held out of ``training`` for validation.
    """
    for folder in ("training", "testing"):
        names = [p.name for p in (root / folder).iterdir()] if (root / folder).is_dir() else []
        for match in filter(None, map(shape.fullmatch, sorted(names, key=natural_key))):
            held_out = match[0] in published_list(published)
            split = "test" if folder == "testing" else "val" if held_out else "train"
            yield match, split, f"{folder}/{match[0]}"


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
