"""Image files, opened in one way wherever frames, maps and fixations are read."""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path

from PIL import Image, ImageFile

from datasets.corpus import ClipError
from datasets.damaged import said

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK_OVERHEAD = 12
"""Bytes of a PNG chunk beside its content: size and kind before it, checksum after it."""


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
            content = _whole(image) if image.format == "PNG" else b""
            image.load()
            _check_sums(content)
            return image
    except Exception as error:
        found = said(error, Path(root))
        raise ClipError("unreadable-image", "an image that decodes", found, path=path) from error


def _whole(image: ImageFile.ImageFile) -> bytes:
    """Return all that is in the file of an image that is not loaded yet."""
    if image.fp is None:
        raise ValueError("expected an open file, found a closed one")
    position = image.fp.tell()
    image.fp.seek(0)
    content = image.fp.read()
    image.fp.seek(position)
    return content


def _check_sums(png: bytes) -> None:
    """Raise a ValueError for pixels that differ from their checksum, which Pillow does not look at."""
    start = len(_PNG_SIGNATURE)
    while start + _CHUNK_OVERHEAD <= len(png):
        size, kind = struct.unpack_from(">I4s", png, start)
        end = start + _CHUNK_OVERHEAD + size
        if kind == b"IDAT" and zlib.crc32(png[start + 4 : end - 4]).to_bytes(4) != png[end - 4 : end]:
            raise ValueError("the pixels differ from their checksum")
        start = end


def check_size(image: Image.Image, size: tuple[int, int], path: str) -> None:
    """Raise a ClipError unless an image has the (width, height) of the clip's frames."""
    if image.size != size:
        expected, found = (f"{width}x{height}" for width, height in (size, image.size))
        raise ClipError("size-mismatch", f"{expected} as the first frame", found, path=path)


def check_depth(image: Image.Image, path: str) -> None:
    """Raise a ClipError for an image of more than 8 bits, which conversion to 8 would cut off at 255."""
    if image.mode[:1] in ("I", "F"):
        raise ClipError("wrong-depth", "an image of 8 bits", f"{image.mode} values", path=path)
