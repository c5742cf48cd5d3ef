"""A corpus at a glance: the middle frame of a few of its clips, with where people looked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from datasets.reading.video import read_frames
from datasets.remote import at_hand
from manifests import Clip, Manifest

# Of a tile, of the line below it, and of a mark: in pixels.
_WIDTH, _CAPTION, _MARK = 240, 16, 3
_COLUMNS = 4
_LETTERS = 38  # of a caption


class Tile(NamedTuple):
    """A frame, uint8 (H, W, 3), on which the fixations are marked, and which one it is."""

    picture: np.ndarray
    clip: str
    frame: int


def tiles(manifest: Manifest, split: str, count: int) -> Iterator[Tile]:
    """Yield the middle frames of so many clips, evenly over a split's list.

    Raises:
        ProblemError: a clip cannot be read any more.
    """
    clips = manifest.clips(split)
    fixations = manifest.fixations(split)
    for place in np.linspace(0, len(clips) - 1, min(count, len(clips))).round().astype(int):
        clip = clips[place]
        frame = clip.n_frames // 2
        yield Tile(_marked(manifest, clip, frame, fixations.frame(clip.clip, frame)), clip.clip, frame)


def _marked(manifest: Manifest, clip: Clip, frame: int, points: np.ndarray) -> np.ndarray:
    size = max(1, round(_WIDTH * clip.height / clip.width)), _WIDTH
    with at_hand(manifest.root, clip, "frames") as media:
        picture = Image.fromarray(read_frames(media, clip, size, frame, 1)[0])
    pen = ImageDraw.Draw(picture)
    for y, x in (points + 0.5) * np.divide(size, (clip.height, clip.width)):
        pen.ellipse((x - _MARK, y - _MARK, x + _MARK, y + _MARK), "yellow", "black")
    return np.asarray(picture)


def contact_sheet(manifest: Manifest, split: str, count: int = 16) -> Image.Image:
    """Return the tiles in rows of four, each with its clip and frame, counted from 1, below."""
    found = list(tiles(manifest, split, count))
    tallest = max(tile.picture.shape[0] for tile in found) + _CAPTION
    rows = -(-len(found) // _COLUMNS)
    sheet = Image.new("RGB", (_WIDTH * min(_COLUMNS, len(found)), tallest * rows), "white")
    pen = ImageDraw.Draw(sheet)
    for n, tile in enumerate(found):
        corner = n % _COLUMNS * _WIDTH, n // _COLUMNS * tallest
        sheet.paste(Image.fromarray(tile.picture), corner)
        below = corner[0] + _MARK, corner[1] + tile.picture.shape[0] + 2
        pen.text(below, f"{tile.clip[-_LETTERS:]}:{tile.frame + 1}", fill="black")
    return sheet
