"""Image files, opened in one way wherever frames, maps and fixations are read."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageFile, ImageOps

from datasets.corpus import ClipError
from datasets.damaged import said
from datasets.reading.pixels import DEEP, LOSSLESS_SUFFIXES, LOSSY

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_RIFF_HEADER = 12
_ORIENTATION = 0x0112  # tag of EXIF
_CHUNK_OVERHEAD = 12
"""Bytes of a PNG chunk beside its content: size and kind before it, checksum after it."""


def open_image(root: Path | str, path: str) -> Image.Image:
    """Return an image decoded to its last row, and turned as its EXIF data say that it is to be shown.

    Args:
        root: the corpus root.
        path: of the file, relative to it.

    Raises:
        ClipError: there is none, it holds several pictures, or it does not decode, whatever it is that the
            decoder raises then.
    """
    try:
        with Image.open(f"{os.fspath(root)}/{path}") as image:
            content = _whole(image) if image.format in ("PNG", "WEBP") else b""
            told = {
                key: True
                for key, holds in ((DEEP, _is_deep(image)), (LOSSY, _is_lossy(image, content)))
                if holds
            }
            # A photograph may have smaller ones of itself beside it, which are not meant.
            pictures = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
            image.load()
            if image.format == "PNG":
                _check_sums(content)
            upright = _upright(image)
    except Exception as error:
        found = said(error, Path(root))
        raise ClipError("unreadable-image", "an image that decodes", found, path=path) from error
    if pictures > 1:
        raise ClipError("several-pictures", "one picture in a file", f"{pictures}", path=path)
    upright.info.update(told)
    return upright


def _upright(image: Image.Image) -> Image.Image:
    """Return an image as its EXIF data say that it is to be shown; the same object where they say nothing."""
    if image.getexif().get(_ORIENTATION, 1) == 1:
        return image
    turned = ImageOps.exif_transpose(image)
    turned.format = image.format
    return turned


def _is_deep(image: ImageFile.ImageFile) -> bool:
    """Whether the decoder will drop the lower bits of colours: it has no mode for them."""
    # By position: older versions of Pillow do not name the parts of a tile.
    forms = [args if isinstance(args, str) else str((args or ("",))[0]) for _, _, _, args in image.tile]
    return image.mode[:1] not in ("I", "F") and any("16" in form for form in forms)


def _is_lossy(image: ImageFile.ImageFile, content: bytes) -> bool:
    """Whether an image that is not loaded yet was compressed as photographs are."""
    if image.format == "WEBP":
        return any(kind == b"VP8 " for kind in _riff_chunks(content))
    return image.format in ("JPEG", "MPO", "JPEG2000", "AVIF") or image.info.get("compression") == "jpeg"


def _riff_chunks(content: bytes) -> Iterator[bytes]:
    """Yield the kinds of the chunks of a WebP file."""
    start = _RIFF_HEADER
    while start + 8 <= len(content):
        kind, size = struct.unpack_from("<4sI", content, start)
        yield kind
        start += 8 + size + size % 2


def check_lossless(image: Image.Image, path: str) -> None:
    """Raise a ClipError for an image whose compression blurs single pixels."""
    if image.info.get(LOSSY):
        expected = f"images that keep single pixels ({', '.join(LOSSLESS_SUFFIXES)})"
        found, remedy = f"{image.format} with loss", "Give PNG, BMP, lossless WebP or TIFF, or .mat files."
        raise ClipError("lossy-fixations", expected, found, path=path, remedy=remedy)


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
