"""Image files, opened in one way wherever frames, maps and fixations are read."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from datasets.corpus import ClipError, said


def open_image(root: Path | str, path: str) -> Image.Image:
    """Return an image decoded to its last row.

    Args:
        root: the corpus root.
        path: of the file, relative to it.

    Raises:
        ClipError: there is none, or it does not decode, whatever it is that the decoder raises then.
    """
    try:
        with Image.open(f"{os.fspath(root)}/{path}") as image:
            image.load()
            return image
    except Exception as error:
        found = said(error, Path(root))
        raise ClipError("unreadable-image", "an image that decodes", found, path=path) from error


def check_size(image: Image.Image, size: tuple[int, int], path: str) -> None:
    """Raise a ClipError unless an image has the (width, height) of the clip's frames."""
    if image.size != size:
        expected, found = (f"{width}x{height}" for width, height in (size, image.size))
        raise ClipError("size-mismatch", f"{expected} as the first frame", found, path=path)


def check_depth(image: Image.Image, path: str) -> None:
    """Raise a ClipError for an image of more than 8 bits, which conversion to 8 would cut off at 255."""
    if image.mode[:1] in ("I", "F"):
        raise ClipError("wrong-depth", "an image of 8 bits", f"{image.mode} values", path=path)
