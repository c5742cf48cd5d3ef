"""What modes, palettes, colours, alpha and depths mean: one table for frames, maps and fixations."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from datasets.corpus import ClipError
from datasets.reading.images import open_image
from datasets.reading.pixels import fixation_values, frame_pixels, left_out, map_pixels

GREY = (np.arange(48 * 64, dtype=np.uint32).reshape(48, 64) % 251).astype(np.uint8)
COLOURS = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)


def of(mode):
    return Image.fromarray(GREY).convert(mode)


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "RGBA", "LA"])
def test_a_grey_picture_is_the_same_map_and_frame_in_every_mode(mode):
    assert np.array_equal(map_pixels(of(mode), "p"), GREY)
    assert np.array_equal(frame_pixels(of(mode), "p"), np.dstack([GREY] * 3))
    assert np.array_equal(fixation_values(of(mode)) > 0, GREY > 0)
    assert left_out(of(mode)) == ""


def test_one_bit_is_black_and_white():
    black_and_white = Image.fromarray(GREY > 100)
    assert black_and_white.mode == "1"
    for pixels in (map_pixels(black_and_white, "p"), frame_pixels(black_and_white, "p")[..., 0]):
        assert np.array_equal(pixels, np.where(GREY > 100, 255, 0))


def test_a_palette_s_colours_count_and_not_its_numbers():
    image = Image.fromarray((GREY > 100).astype(np.uint8))
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette([0, 0, 0, 0, 0, 1])
    assert np.array_equal(fixation_values(image) > 0, GREY > 100)
    image.putpalette([0, 0, 0, 9, 200, 30])
    assert frame_pixels(image, "p")[GREY > 100].tolist()[0] == [9, 200, 30]


def test_maps_in_false_colours_are_refused_and_jpeg_s_rounding_is_not():
    with pytest.raises(ClipError, match=r"expected a grey map, found .* coloured pixels") as error:
        map_pixels(Image.fromarray(COLOURS), "maps/1.png")
    assert (error.value.kind, error.value.path) == ("coloured-map", "maps/1.png")
    nearly = np.dstack([GREY // 2, GREY // 2 + 9, GREY // 2 + 3])
    assert map_pixels(Image.fromarray(nearly), "p").shape == GREY.shape


@pytest.mark.parametrize("channel", range(3))
def test_a_point_in_any_colour_is_a_point(channel):
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[5, 7, channel] = 1
    assert np.argwhere(fixation_values(Image.fromarray(pixels)) > 0).tolist() == [[5, 7]]


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_deep_values_are_points_and_neither_maps_nor_frames(dtype):
    pixels = np.zeros((48, 64), dtype)
    pixels[5, 7] = 0.25 if dtype is np.float32 else 300
    image = Image.fromarray(pixels)
    assert np.argwhere(fixation_values(image) > 0).tolist() == [[5, 7]]
    for meaning in (map_pixels, frame_pixels):
        with pytest.raises(ClipError, match=f"expected an image of 8 bits, found {image.mode} values"):
            meaning(image, "p")


def test_transparency_is_left_aside_and_said_unless_all_is_opaque():
    see_through = np.dstack([COLOURS, GREY])
    assert np.array_equal(frame_pixels(Image.fromarray(see_through), "p"), COLOURS)
    assert left_out(Image.fromarray(see_through)) == "transparency"
    assert left_out(Image.fromarray(np.dstack([COLOURS, np.full_like(GREY, 255)]))) == ""


def test_other_colour_spaces_are_said():
    assert left_out(of("CMYK")) == "the colour space CMYK"


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_sixteen_bits_a_channel_lose_their_lower_ones_and_it_is_said(tmp_path):
    deep = (COLOURS.astype(np.uint16) * 256 + 77).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    header = struct.pack(">IIBBBBB", 64, 48, 16, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    (tmp_path / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    image = open_image(tmp_path, "1.png")
    assert np.array_equal(frame_pixels(image, "1.png"), COLOURS)
    assert left_out(image) == "the lower 8 of 16 bits"
