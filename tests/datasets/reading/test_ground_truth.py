"""Maps made from fixations against straightforward filtering of the whole frame."""

import numpy as np
import pytest
import scipy.ndimage as ndi

from datasets.indexing.index import index
from datasets.reading.ground_truth import RULES, MapReader, fixations_to_map, read_map
from datasets.reading.video import resize
from manifests import ProblemError
from tests.datasets.small_corpora import a_clip, write_dhf1k, write_ledov, write_png

HEIGHT, WIDTH = 180, 230
SCATTERED = np.array([[90, 100], [3, 4], [170, 20], [60, 220], [61, 221]])
BORDERS = np.array([[0, 0], [179, 229], [0, 100], [80, 229], [179, 7]])
BINARY = {"scattered": SCATTERED, "borders": BORDERS, "one": SCATTERED[:1]}


def image_of(points):
    image = np.zeros((HEIGHT, WIDTH))
    image[points[:, 0], points[:, 1]] = 1
    return image


def by_filtering(points, rule):
    """Filter the fixation image by the curators' recipe, and scale its maximum to 1."""
    image = image_of(points)
    if rule == "mathe":
        # fspecial('gaussian', 150, 20): taps at -74.5 … 74.5; imfilter's origin is the 75th of the 150.
        axis = np.exp(-(np.arange(-74.5, 75) ** 2) / (2 * 20.0**2))
        padded = np.pad(image, ((74, 75), (74, 75)), mode="edge")
        rows = np.apply_along_axis(np.convolve, 0, padded, axis[::-1], "valid")
        density = np.apply_along_axis(np.convolve, 1, rows, axis[::-1], "valid")
    else:
        sigma, reach = RULES[rule].sigma, RULES[rule].reach
        density = ndi.gaussian_filter(image, sigma, mode="constant", radius=int(reach))
    return density / density.max()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("case", BINARY)
def test_maps_equal_filtering_the_frame(rule, case):
    density = fixations_to_map(BINARY[case], HEIGHT, WIDTH, rule)
    assert (density.dtype, density.shape, density.max()) == (np.float32, (HEIGHT, WIDTH), 1.0)
    np.testing.assert_allclose(density, by_filtering(BINARY[case], rule), atol=2e-6)


def test_widths_are_those_of_the_corpora():
    # Half the maximum at half the FWHM: 15 px for DHF1K (30), 40 px for LEDOV (80).
    centre = np.array([[90, 100]])
    assert fixations_to_map(centre, HEIGHT, WIDTH, "dhf1k")[90, 115] == pytest.approx(0.5, abs=1e-5)
    assert fixations_to_map(centre, HEIGHT, WIDTH, "ledov")[130, 100] == pytest.approx(0.5, abs=1e-5)
    profile = fixations_to_map(centre, HEIGHT, WIDTH, "mathe")[:, 100]
    assert profile[89] == profile[90] == 1.0  # an even kernel has no middle tap


def test_other_widths_scale_the_rule():
    half = fixations_to_map(SCATTERED // 2, HEIGHT // 2, WIDTH // 2, "dhf1k", sigma=RULES["dhf1k"].sigma / 2)
    whole = fixations_to_map(SCATTERED // 2 * 2, HEIGHT, WIDTH, "dhf1k")
    np.testing.assert_allclose(half, whole[::2, ::2], atol=2e-3)


def test_no_points_no_map():
    density = fixations_to_map(np.empty((0, 2), np.int16), 10, 20, "mathe")
    assert density.shape == (10, 20)
    assert not density.any()
    with pytest.raises(KeyError):
        fixations_to_map(SCATTERED, HEIGHT, WIDTH, "salicon")


def test_shipped_maps_are_used_and_missing_ones_made(tmp_path):
    shipped = np.arange(64 * 48, dtype=np.uint32).reshape(48, 64).astype(np.uint8)
    write_png(tmp_path / "maps" / "0003.png", shipped)
    write_png(tmp_path / "maps" / "0004.png", np.repeat(shipped[..., None], 3, axis=-1))
    clip = a_clip(map_pattern="maps/{:04d}.png")
    assert np.array_equal(read_map(tmp_path, clip, 2), shipped)
    assert np.array_equal(read_map(tmp_path, clip, 3), shipped)
    assert np.array_equal(read_map(tmp_path, clip, 2, (12, 16)), resize(shipped, (12, 16)))
    points = np.array([[10, 20], [40, 60]], np.int16)
    for corpus, rule in (("LEDOV", "ledov"), ("Hollywood2", "mathe"), ("mine", "dhf1k")):
        made = read_map(tmp_path, a_clip(corpus=corpus), 0, points=points)
        assert made.dtype == np.uint8
        assert np.array_equal(made, np.rint(fixations_to_map(points, 48, 64, rule) * 255))
    with pytest.raises(ValueError, match="LEDOV/x ships no maps"):
        read_map(tmp_path, a_clip(corpus="LEDOV"), 0)


def test_a_corpus_is_read_map_by_map(tmp_path):
    """LEDOV ships none: they are made of the split's own fixations. DHF1K's are as shipped, or a problem."""
    write_ledov(tmp_path / "ledov", ["a", "b", "c"])
    ledov = index("ledov", tmp_path / "ledov", tmp_path / "m1")
    reader = MapReader(ledov)
    for split in ("test", "train"):
        (clip,) = ledov.clips(split)
        points = ledov.fixations().frame(clip.clip, 4)
        made = fixations_to_map(points, clip.height, clip.width, "ledov")
        assert np.array_equal(reader.read(clip, 4), np.rint(made * 255))
    write_dhf1k(tmp_path / "dhf1k", 1)
    dhf1k = index("dhf1k", tmp_path / "dhf1k", tmp_path / "m2")
    (clip,) = dhf1k.clips()
    assert (MapReader(dhf1k, (6, 8)).read(clip, 3) == np.full((6, 8), 13)).all()
    (tmp_path / "dhf1k" / clip.map_path(3)).write_bytes(b"no image")
    with pytest.raises(ProblemError, match=r"DHF1K/0001 \(.*0004\.png\): expected an image that decodes"):
        MapReader(dhf1k).read(clip, 3)
