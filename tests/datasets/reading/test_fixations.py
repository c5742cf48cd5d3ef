"""A clip's fixations in the forms that are read, and what is told of those that are not."""

import numpy as np
import pytest
from PIL import Image

from datasets.corpora.own_folder import FolderCorpus
from datasets.indexing.index import index
from datasets.reading.fixations import find_fixations
from manifests import ProblemError
from tests.datasets.small_corpora import four_digits, write_fixations, write_frames, write_maps

MINE = FolderCorpus("Mine")


def corpus(root, *, maps=True):
    write_frames(root / "frames" / "a", four_digits(6))
    if maps:
        write_maps(root / "maps" / "a", four_digits(6))
    write_fixations(root / "fixations" / "a", four_digits(6))
    return root / "fixations" / "a"


def told(root):
    manifest = index(MINE, root, root.with_name("m"))
    kinds = ("fixations", "fixation-groups", "lossy-fixations", "soft-fixations", "no-fixations")
    found = [(f.level, f.kind) for f in manifest.problems() if f.kind in kinds]
    return manifest.clips()[0].n_fixated_frames, found


def resave(folder, suffix, how=None, **options):
    for file in list(folder.iterdir()):
        with Image.open(file) as image:
            image.load()
        file.unlink()
        small = image.resize((32, 24), Image.Resampling.NEAREST) if how is not None else image
        picture = small.resize((64, 48), how) if how is not None else image
        picture.save(file.with_suffix(suffix), **options)


def test_png_goes_before_other_images_and_images_before_mats(tmp_path):
    for suffix in ("mat", "webp", "bmp", "png"):
        (tmp_path / f"1.{suffix}").touch()
        assert find_fixations(tmp_path, ".", None).pattern == f"./{{:d}}.{suffix}"


@pytest.mark.parametrize(("suffix", "options"), [(".bmp", {}), (".tiff", {}), (".webp", {"lossless": True})])
def test_lossless_images_are_taken(tmp_path, suffix, options):
    resave(corpus(tmp_path / "c"), suffix, **options)
    assert told(tmp_path / "c") == (5, [])


@pytest.mark.parametrize(
    ("suffix", "kind"), [(".jpg", "no-fixations"), (".gif", "no-fixations"), (".webp", "lossy-fixations")]
)
def test_other_images_are_left_out_of_a_clip_that_has_maps(tmp_path, suffix, kind):
    resave(corpus(tmp_path / "c"), suffix)
    assert told(tmp_path / "c") == (0, [("warning", kind)])


def test_interpolated_images_are_left_out_and_without_maps_the_clip_is_set_aside(tmp_path):
    resave(corpus(tmp_path / "c"), ".png", Image.Resampling.BILINEAR)
    assert told(tmp_path / "c") == (0, [("warning", "soft-fixations")])
    resave(corpus(tmp_path / "d", maps=False), ".png", Image.Resampling.BILINEAR)
    with pytest.raises(ProblemError, match=r"found .* beside brighter ones"):
        index(MINE, tmp_path / "d", tmp_path / "n")


def test_images_doubled_to_the_nearest_pixel_are_told(tmp_path):
    folder = corpus(tmp_path / "c")
    for file in folder.iterdir():
        points = np.zeros((24, 32), np.uint8)
        points[5, 10] = points[15, 20] = 255
        Image.fromarray(points).resize((64, 48), Image.Resampling.NEAREST).save(file)
    assert told(tmp_path / "c") == (6, [("warning", "fixation-groups")])
