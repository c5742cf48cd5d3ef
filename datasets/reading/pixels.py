"""What the pixels of an image file mean, whatever its mode, for frames, maps and fixations alike.

==================  =====================  =============================  ===========================
mode                frame                  map                            fixations
==================  =====================  =============================  ===========================
1, L                grey                   the value                      any value above 0
P                   colour by the palette  as RGB                         as RGB
RGB                 colour                 grey if all are; else refused  any channel above 0
CMYK, YCbCr, …      colour by Pillow       as RGB                         as RGB
LA, PA, RGBA        as without alpha       as without alpha               as without alpha
I, I;16, F          refused                refused                        any value above 0
16 bits a channel   the upper 8            the upper 8                    any value above 0 in these
==================  =====================  =============================  ===========================

What is left aside of a file (`left_out`) is told by whoever indexes it.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from datasets.corpus import ClipError

LOSSLESS_SUFFIXES = ("png", "bmp", "tif", "tiff", "webp")
"""Of images that can hold single pixels; of WebP and TIFF those that are compressed without loss."""

DEEP, LOSSY = "16 bits a channel", "compressed with loss"
"""Keys in the `info` of an image whose lower bits the decoder has dropped, or whose pixels were blurred."""

_PLAIN = ("1", "L", "P", "RGB")
_GREY_TOLERANCE = 16  # levels by which the channels of a grey image may differ after JPEG
_COLOURED_SHARE = 0.001


def frame_pixels(image: Image.Image, path: str) -> np.ndarray:
    """Return a frame as colours: uint8 (H, W, 3) RGB.

    Raises:
        ClipError: its values are not of 8 bits.
    """
    _check_depth(image, path)
    return np.asarray(image.convert("RGB"))


def map_pixels(image: Image.Image, path: str) -> np.ndarray:
    """Return a saliency map as grey values: uint8 (H, W).

    Raises:
        ClipError: its values are not of 8 bits, or colours, of which nobody knows the order.
    """
    _check_depth(image, path)
    if image.mode in ("1", "L", "LA"):
        return np.asarray(image.convert("L"))
    colours = image.convert("RGB")
    if coloured := coloured_pixels(np.asarray(colours)):
        found = f"{coloured} coloured pixels ({image.mode})"
        remedy = "Give the map's values in grey, not a picture of them in false colours."
        raise ClipError("coloured-map", "a grey map", found, path=path, remedy=remedy)
    return np.asarray(colours.convert("L"))


def coloured_pixels(colours: np.ndarray) -> int:
    """Return how many pixels of an image, uint8 (H, W, 3), are in colour; 0 for what JPEG leaves of grey."""
    coloured = int(np.count_nonzero(np.ptp(colours, axis=2) > _GREY_TOLERANCE))
    return coloured if coloured > _COLOURED_SHARE * colours.shape[0] * colours.shape[1] else 0


def fixation_values(image: Image.Image) -> np.ndarray:
    """Return the values of a fixation image (H, W), any type; everything above 0 is fixated."""
    if image.mode in ("1", "L") or image.mode[:1] in ("I", "F"):
        return np.asarray(image)
    if image.mode == "LA":
        return np.asarray(image.getchannel("L"))
    return np.asarray(image.convert("RGB")).max(axis=2)


def left_out(image: Image.Image) -> str:
    """Say what of an image file is left aside; empty when all of it is taken."""
    lost = []
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema() != (255, 255):
        lost.append("transparency")
    if image.info.get(DEEP):
        lost.append("the lower 8 of 16 bits")
    if image.mode not in (*_PLAIN, "LA", "PA", "RGBA") and image.mode[:1] not in ("I", "F"):
        lost.append(f"the colour space {image.mode}")
    return ", ".join(lost)


def _check_depth(image: Image.Image, path: str) -> None:
    """Raise a ClipError for an image of more than 8 bits, which conversion to 8 would cut off at 255."""
    if image.mode[:1] in ("I", "F"):
        remedy = "Scale its values to 0 to 255 and save them in 8 bits."
        found = f"{image.mode} values"
        raise ClipError("wrong-depth", "an image of 8 bits", found, path=path, remedy=remedy)
