"""MIT1003: fixations out of JPEG, sizes of all kinds, and no split but that of the folds."""

import numpy as np
import pytest
from PIL import Image

from datasets.corpora.mit1003 import CORPUS
from datasets.indexing.index import index
from tests.datasets.small_corpora import scanned
from tests.datasets.small_photographs import FIXATED, map_of, save, write_mit1003


def test_photographs_of_any_size_are_test_clips_of_one_frame(tmp_path):
    sizes = {"i05june05_static_street_boston_p1010764": (64, 48), "istatic_submitted {2}": (80, 100)}
    for name, (width, height) in sizes.items():
        write_mit1003(tmp_path / "MIT", name, width=width, height=height)
    manifest = index("mit1003", tmp_path / "MIT", tmp_path / "m")
    clips = manifest.clips("test")
    assert {clip.clip: (clip.width, clip.height) for clip in clips} == sizes
    for clip in clips:
        assert (clip.media, clip.n_frames) == ("image", 1)
        assert clip.fixation_path(0) == f"ALLFIXATIONMAPS/{clip.clip}_fixPts.jpg"
        _, yx = manifest.fixations("test").of(clip.clip)
        assert [(0, *at) for at in yx.tolist()] == FIXATED
    manifest.verify()


@pytest.mark.parametrize("quality", [75, 95])
@pytest.mark.parametrize("n", [1, 60, 300])
def test_jpeg_neither_loses_nor_adds_a_fixation(tmp_path, n, quality):
    drawn = np.random.default_rng(n)
    image = np.zeros((240, 320), np.uint8)
    image[drawn.integers(240, size=n), drawn.integers(320, size=n)] = 255
    write_mit1003(tmp_path, "x", width=320, height=240)
    save(tmp_path / "ALLFIXATIONMAPS/x_fixPts.jpg", image, quality=quality)
    (reading,) = scanned(CORPUS, tmp_path)
    assert {(y, x) for _, y, x in reading.rows.tolist()} == set(map(tuple, np.argwhere(image).tolist()))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda root: (root / "ALLFIXATIONMAPS/x_fixPts.jpg").write_bytes(b"no"), "an image that decodes"),
        (lambda root: save(root / "ALLFIXATIONMAPS/x_fixPts.jpg", map_of(0, 32, 24)), "found 32x24"),
        (lambda root: save(root / "ALLFIXATIONMAPS/x_fixPts.jpg", map_of(150)), "single fixated pixels"),
    ],
)
def test_a_damaged_photograph_is_quarantined_with_the_reason(tmp_path, damage, reason):
    write_mit1003(tmp_path, "x")
    damage(tmp_path)
    (reading,) = scanned(CORPUS, tmp_path)
    assert reading.clip.status == "quarantined"
    assert reason in reading.clip.reason


def test_without_fixation_points_a_photograph_is_read_and_told(tmp_path):
    write_mit1003(tmp_path, "x")
    write_mit1003(tmp_path, "y")
    (tmp_path / "ALLFIXATIONMAPS/x_fixPts.jpg").unlink()
    readings = {reading.clip.clip: reading for reading in scanned(CORPUS, tmp_path)}
    assert [finding.kind for finding in readings["x"].findings] == ["no-fixations"]
    assert readings["x"].clip.status == "ok"
    assert Image.open(tmp_path / readings["x"].clip.map_path(0)).size == (64, 48)
