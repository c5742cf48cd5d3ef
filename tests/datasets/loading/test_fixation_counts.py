"""Fixations at a model's size: none is lost, or those that nearest neighbour loses are."""

import pickle

import numpy as np
import pytest
from PIL import Image

from datasets.indexing.index import index
from datasets.loading.fixation_counts import FixationReader, fixation_counts
from datasets.resizing import framed, resize
from tests.datasets.small_corpora import HEIGHT, WIDTH, points_of, write_dhf1k


def places(counts):
    return {(y, x): counts[y, x] for y, x in np.argwhere(counts).tolist()}


def test_kept_each_fixation_is_counted_in_the_pixel_that_its_centre_falls_into():
    points = [(0, 0), (0, 1), (1, 1), (2, 2), (5, 7)]
    assert places(fixation_counts(points, (6, 8), (3, 4), "kept")) == {(0, 0): 3, (1, 1): 1, (2, 3): 1}
    assert places(fixation_counts(points, (6, 8), (6, 8), "kept")) == dict.fromkeys(points, 1)
    # Centres at 0.5, 1.5 … of 6 rows are at 0.42, 1.25, 2.08, 2.92, 3.75, 4.58 of 5.
    rows = [(y, 0) for y in range(6)]
    assert fixation_counts(rows, (6, 1), (5, 1), "kept")[:, 0].tolist() == [1, 1, 2, 1, 1]


def test_nearest_only_what_lies_under_a_pixels_centre_is_left():
    """As Pillow resizes the image of fixations: the 224 rows of 480 keep 22 % of points set at random."""
    drawn = np.random.default_rng(0)
    points = np.unique(np.stack([drawn.integers(480, size=600), drawn.integers(640, size=600)], 1), axis=0)
    image = np.zeros((480, 640), np.uint8)
    image[points[:, 0], points[:, 1]] = 1
    expected = np.asarray(Image.fromarray(image).resize((299, 224), Image.Resampling.NEAREST))
    found = fixation_counts(points, (480, 640), (224, 299), "nearest")
    np.testing.assert_array_equal(found, expected)
    assert 0.18 < found.sum() / len(points) < 0.26
    assert fixation_counts(points, (480, 640), (224, 299), "kept").sum() == len(points)
    enlarged = fixation_counts([(1, 0)], (2, 2), (4, 6), "nearest")
    assert enlarged.tolist() == [[0] * 6] * 2 + [[1, 1, 1, 0, 0, 0]] * 2


def test_fixations_are_framed_as_their_frames_are():
    """Frames, maps and fixations of one spot stay on one spot, or are cut off together."""
    spots = [(2, 1), (12, 40), (20, 62)]
    image = np.zeros((24, 64), np.uint8)
    image[tuple(np.transpose(spots))] = 1
    for framing, size in (("height", (24, 40)), ("height", (24, 90)), ("cover", (24, 40))):
        expected = resize(image, size, framed("opencv-bilinear", framing))
        for rescaling in ("kept", "nearest"):
            found = fixation_counts(spots, (24, 64), size, rescaling, framing)
            np.testing.assert_array_equal(found, expected)
    assert places(fixation_counts(spots, (24, 64), (24, 40), "kept", "height")) == {(12, 28): 1}
    assert places(fixation_counts(spots, (24, 64), (12, 16), "kept", "cover")) == {(6, 12): 1}


@pytest.mark.parametrize("rescaling", ["kept", "nearest"])
def test_a_frame_without_fixations_has_counts_of_zero(rescaling):
    found = fixation_counts(np.empty((0, 2), np.int16), (6, 8), (3, 4), rescaling)
    assert (found.shape, found.dtype, found.any()) == ((3, 4), np.uint8, False)


def test_counts_end_at_255():
    every = np.argwhere(np.ones((20, 20)))
    assert fixation_counts(every, (20, 20), (1, 1), "kept").tolist() == [[255]]


def test_a_reader_fills_in_the_frames_asked_for_in_another_process_too(tmp_path):
    write_dhf1k(tmp_path / "DHF1K", 1, 6)
    manifest = index("dhf1k", tmp_path / "DHF1K", tmp_path / "m")
    (clip,) = manifest.clips()
    reader = FixationReader(manifest, (HEIGHT, WIDTH))
    found = np.full((2, HEIGHT, WIDTH), 9, np.uint8)
    for each in (reader, pickle.loads(pickle.dumps(reader))):
        each.read(clip, 3, 2, found, step=2)
        assert [places(counts) for counts in found] == [dict.fromkeys(points_of(i), 1) for i in (3, 5)]


def test_an_unknown_rule_is_refused(tmp_path):
    with pytest.raises(ValueError, match="fixations are kept or nearest, found 'cubic'"):
        FixationReader(None, (4, 4), "cubic")
