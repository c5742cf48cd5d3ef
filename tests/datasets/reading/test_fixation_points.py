"""Fixated pixels: the same from every lossless form, and told apart from what was blurred or resized."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from datasets.corpus import ClipError
from datasets.reading.fixation_points import (
    MOST_FIXATED_SHARE,
    Points,
    read_fixation_images,
    read_fixation_mats,
)
from datasets.reading.numbered_files import numbered
from tests.datasets.small_corpora import (
    HEIGHT,
    WIDTH,
    expected_rows,
    four_digits,
    write_fixations,
    write_png,
)


def test_fixated_pixels_come_from_images_and_from_mat_files_alike(tmp_path):
    write_fixations(tmp_path / "png", four_digits(6))
    write_fixations(tmp_path / "mat", four_digits(6), "mat")
    images = read_fixation_images(tmp_path, numbered(tmp_path, "png", ("png",)), (WIDTH, HEIGHT)).rows
    mats = read_fixation_mats(tmp_path, numbered(tmp_path, "mat", ("mat",)), (WIDTH, HEIGHT)).rows
    assert images.dtype == np.int32
    assert np.array_equal(images, mats)
    assert list(map(tuple, images.tolist())) == expected_rows(6)


def test_as_many_pixels_as_a_map_has_are_no_fixations(tmp_path):
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    most = int(MOST_FIXATED_SHARE * pixels.size)
    pixels.ravel()[:most] = 255
    write_png(tmp_path / "f" / "1.png", pixels)
    files = numbered(tmp_path, "f", ("png",))
    assert len(read_fixation_images(tmp_path, files, (WIDTH, HEIGHT)).rows) == most
    pixels.ravel()[most] = 255
    write_png(tmp_path / "f" / "1.png", pixels)
    with pytest.raises(ClipError, match=f"found {most + 1} of {pixels.size:,} pixels above 0") as error:
        read_fixation_images(tmp_path, files, (WIDTH, HEIGHT))
    assert (error.value.kind, error.value.path) == ("no-points", "f/1.png")


@pytest.mark.parametrize("value", [np.full((HEIGHT, WIDTH), np.nan), np.full((HEIGHT, WIDTH), "x", object)])
def test_mat_files_without_numbers_are_refused(tmp_path, value):
    (tmp_path / "f").mkdir()
    savemat(tmp_path / "f" / "1.mat", {"I": value})
    with pytest.raises(ClipError) as error:
        read_fixation_mats(tmp_path, numbered(tmp_path, "f", ("mat",)), (WIDTH, HEIGHT))
    assert error.value.kind in ("no-numbers", "size-mismatch")


def points_of(*frames):
    points = Points()
    for values in frames:
        points.add(values, "f/1.png")
    return points


def two_points(n=4):
    small = np.zeros((24, 32), np.uint8)
    small[5, 10] = small[15, 20] = 255
    return [Image.fromarray(small)] * n


@pytest.mark.parametrize(
    "how", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS]
)
def test_interpolated_points_are_refused(how):
    points = points_of(*(np.asarray(image.resize((64, 48), how)) for image in two_points()))
    with pytest.raises(ClipError, match=r"found .* beside brighter ones") as error:
        points.check_sharp("f")
    assert (error.value.kind, error.value.path) == ("soft-fixations", "f")


def test_points_doubled_to_the_nearest_pixel_are_groups():
    points = points_of(*(np.asarray(i.resize((64, 48), Image.Resampling.NEAREST)) for i in two_points()))
    points.check_sharp("f")
    assert (points.count, points.alone, points.in_groups) == (32, 0, True)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.int32, np.float64])
def test_counts_of_observers_side_by_side_are_points(dtype):
    values = np.zeros((48, 64), dtype)
    values[::8, ::8] = 1
    values[8, 9] = 3
    points = points_of(values)
    points.check_sharp("f")
    assert (points.count, points.alone, points.beside_brighter) == (49, 47, 0 if dtype is bool else 1)
    assert not points.in_groups


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp"])
def test_every_lossless_form_gives_the_same(tmp_path, suffix):
    points = np.zeros((48, 64), np.uint8)
    points[10, 20] = points[30, 40] = 255
    options = {"lossless": True} if suffix == "webp" else {}
    Image.fromarray(points).save(tmp_path / f"1.{suffix}", **options)
    rows = read_fixation_images(tmp_path, numbered(tmp_path, ".", (suffix,)), (64, 48)).rows
    assert rows.tolist() == [[0, 10, 20], [0, 30, 40]]


@pytest.mark.parametrize(("suffix", "options"), [("webp", {"quality": 80}), ("tif", {"compression": "jpeg"})])
def test_what_was_compressed_with_loss_is_refused(tmp_path, suffix, options):
    image = Image.new("L", (64, 48))
    image.putpixel((20, 10), 255)
    image.save(tmp_path / f"1.{suffix}", **options)
    with pytest.raises(ClipError, match="with loss") as error:
        read_fixation_images(tmp_path, numbered(tmp_path, ".", (suffix,)), (64, 48))
    assert error.value.kind == "lossy-fixations"
