"""Images opened in one way: decoded to the last row, or an error that names the file."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from datasets.corpora.saliency_maps import MapReader
from datasets.corpus import ClipError
from datasets.reading.images import check_size, open_image
from datasets.reading.video import read_frames
from manifests import ProblemError, write
from tests.datasets.small_corpora import a_clip, write_png

NOISE = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)


def break_chunk(path):
    """Give the PNG's second piece of data a name that Pillow refuses with a SyntaxError."""
    data = bytearray(path.read_bytes())
    second = data.index(b"IDAT", data.index(b"IDAT") + 4)
    data[second : second + 4] = b"\0\1\2\3"
    path.write_bytes(data)


@pytest.mark.parametrize("kind", ["frames", "maps"])
def test_whatever_a_decoder_raises_names_the_file(tmp_path, kind):
    noise = np.random.default_rng(0).integers(0, 255, (300, 400, 3)).astype(np.uint8)
    write_png(tmp_path / "images" / "1.png", noise)
    write_png(tmp_path / "maps" / "1.png", noise[..., 0])
    clip = a_clip(
        **{"media": "frames", "path": "images", "n_frames": 1, "width": 400, "height": 300},
        **{"frame_pattern": "images/{:d}.png", "map_pattern": "maps/{:d}.png"},
    )
    break_chunk(tmp_path / clip.frame_path(0))
    break_chunk(tmp_path / clip.map_path(0))
    manifest = write(tmp_path / "m", "DHF1K", tmp_path, [clip], {})
    with pytest.raises(ProblemError, match=r"DHF1K/x \(.*/1\.png\): expected an image that decodes"):
        if kind == "frames":
            read_frames(tmp_path, clip)
        else:
            MapReader(manifest).read(clip, 0)


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp"])
def test_an_image_is_decoded_as_it_was_written(tmp_path, suffix):
    Image.fromarray(NOISE).save(tmp_path / f"x.{suffix}", **{"lossless": True} if suffix == "webp" else {})
    assert np.array_equal(np.asarray(open_image(tmp_path, f"x.{suffix}")), NOISE)


def chunks(content):
    """Return (kind, first byte, byte after the last) of the content of each chunk of a PNG."""
    found, start = [], 8
    while start < len(content):
        size, kind = struct.unpack_from(">I4s", content, start)
        found.append((kind, start + 8, start + 8 + size))
        start += 12 + size
    return found


def test_pixels_that_differ_from_their_checksum_are_refused(tmp_path):
    """Pillow itself does not look: another deflate block of the same length would pass."""
    Image.fromarray(NOISE).save(tmp_path / "x.png", compress_level=0)
    content = bytearray((tmp_path / "x.png").read_bytes())
    start, stop = next((a, b) for kind, a, b in chunks(content) if kind == b"IDAT")
    raw = bytearray(zlib.decompress(content[start:stop]))
    raw[100] ^= 1
    content[start:stop] = zlib.compress(raw, 0)
    (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(ClipError, match="the pixels differ from their checksum") as error:
        open_image(tmp_path, "x.png")
    assert (error.value.kind, error.value.path) == ("unreadable-image", "x.png")


@pytest.mark.parametrize("content", [b"", b"no image", None])
def test_what_is_no_image_is_told_without_where_the_corpus_lies(tmp_path, content):
    if content is not None:
        (tmp_path / "x.png").write_bytes(content)
    with pytest.raises(ClipError, match="expected an image that decodes, found ") as error:
        open_image(tmp_path, "x.png")
    assert "x.png" in str(error.value)
    assert str(tmp_path) not in str(error.value)


def test_sizes_that_are_not_the_clips_are_refused():
    grey = Image.new("L", (8, 6))
    check_size(grey, (8, 6), "p")
    with pytest.raises(ClipError, match="expected 6x8 as the first frame, found 8x6") as error:
        check_size(grey, (6, 8), "p")
    assert (error.value.kind, error.value.path) == ("size-mismatch", "p")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_in_exif_is_obeyed(tmp_path, orientation, suffix):
    blocks = np.zeros((48, 80, 3), np.uint8)
    blocks[:16, :32], blocks[32:, :16] = (250, 250, 250), (120, 120, 120)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(blocks).save(tmp_path / f"1.{suffix}", exif=exif)
    # What EXIF's eight numbers say of the first row and the first column.
    upright = {
        1: blocks,
        2: blocks[:, ::-1],
        3: blocks[::-1, ::-1],
        4: blocks[::-1],
        5: blocks.transpose(1, 0, 2),
        6: np.rot90(blocks, -1),
        7: blocks.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(blocks, 1),
    }[orientation]
    found = np.asarray(open_image(tmp_path, f"1.{suffix}"))
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).mean() < 4


def test_a_file_of_several_pictures_is_refused(tmp_path):
    pictures = [Image.new("L", (8, 6), n) for n in (0, 99)]
    for suffix in ("tif", "webp", "png"):
        pictures[0].save(tmp_path / f"1.{suffix}", save_all=True, append_images=pictures[1:])
        with pytest.raises(ClipError, match="expected one picture in a file, found 2"):
            open_image(tmp_path, f"1.{suffix}")
