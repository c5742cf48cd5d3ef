"""Maps made from fixations against straightforward filtering of the whole frame."""

import numpy as np
import pytest
import scipy.ndimage as ndi

from datasets.corpora import dhf1k, hollywood2, ledov
from datasets.corpus import ClipError
from datasets.reading.ground_truth import fixations_to_map, shipped_map
from tests.datasets.small_corpora import a_clip, write_png
from tests.products import printed_by_all_products

HEIGHT, WIDTH = 180, 230
RULES = {module.CORPUS.word: module.CORPUS.map_rule for module in (dhf1k, hollywood2, ledov)}
SCATTERED = np.array([[90, 100], [3, 4], [170, 20], [60, 220], [61, 221]])
BORDERS = np.array([[0, 0], [179, 229], [0, 100], [80, 229], [179, 7]])
BINARY = {"scattered": SCATTERED, "borders": BORDERS, "one": SCATTERED[:1]}


MADE = """
import hashlib
import numpy as np
from datasets.corpora.hollywood2 import CORPUS
from datasets.reading.ground_truth import fixations_to_map

points = np.random.default_rng(0).integers(0, (480, 640), (100, 2))
print(hashlib.sha256(fixations_to_map(points, 480, 640, CORPUS.map_rule).tobytes()).hexdigest())
"""


def image_of(points):
    image = np.zeros((HEIGHT, WIDTH))
    image[points[:, 0], points[:, 1]] = 1
    return image


def by_filtering(points, word):
    """Filter the fixation image by the curators' recipe, and scale its maximum to 1."""
    image = image_of(points)
    if word == "hollywood2":
        # fspecial('gaussian', 150, 20): taps at -74.5 … 74.5; imfilter's origin is the 75th of the 150.
        axis = np.exp(-(np.arange(-74.5, 75) ** 2) / (2 * 20.0**2))
        padded = np.pad(image, ((74, 75), (74, 75)), mode="edge")
        rows = np.apply_along_axis(np.convolve, 0, padded, axis[::-1], "valid")
        density = np.apply_along_axis(np.convolve, 1, rows, axis[::-1], "valid")
    else:
        rule = RULES[word]
        density = ndi.gaussian_filter(image, rule.sigma, mode="constant", radius=int(rule.reach))
    return density / density.max()


@pytest.mark.parametrize("word", RULES)
@pytest.mark.parametrize("case", BINARY)
def test_maps_equal_filtering_the_frame(word, case):
    density = fixations_to_map(BINARY[case], HEIGHT, WIDTH, RULES[word])
    assert (density.dtype, density.shape, density.max()) == (np.float32, (HEIGHT, WIDTH), 1.0)
    np.testing.assert_allclose(density, by_filtering(BINARY[case], word), atol=2e-6)


def test_maps_are_the_same_to_the_bit_whatever_computes_products():
    assert len(printed_by_all_products(MADE)) == 1


def test_widths_are_those_of_the_corpora():
    # Half the maximum at half the FWHM: 15 px for DHF1K (30), 40 px for LEDOV (80).
    centre = np.array([[90, 100]])
    assert fixations_to_map(centre, HEIGHT, WIDTH, RULES["dhf1k"])[90, 115] == pytest.approx(0.5, abs=1e-5)
    assert fixations_to_map(centre, HEIGHT, WIDTH, RULES["ledov"])[130, 100] == pytest.approx(0.5, abs=1e-5)
    profile = fixations_to_map(centre, HEIGHT, WIDTH, RULES["hollywood2"])[:, 100]
    assert profile[89] == profile[90] == 1.0  # an even kernel has no middle tap


def test_other_widths_scale_the_rule():
    rule = RULES["dhf1k"]
    half = fixations_to_map(SCATTERED // 2, HEIGHT // 2, WIDTH // 2, rule, sigma=rule.sigma / 2)
    whole = fixations_to_map(SCATTERED // 2 * 2, HEIGHT, WIDTH, rule)
    np.testing.assert_allclose(half, whole[::2, ::2], atol=2e-3)


def test_no_points_no_map():
    density = fixations_to_map(np.empty((0, 2), np.int16), 10, 20, RULES["hollywood2"])
    assert density.shape == (10, 20)
    assert not density.any()


def test_a_shipped_map_is_read_as_it_is_whatever_its_mode(tmp_path):
    shipped = np.arange(64 * 48, dtype=np.uint32).reshape(48, 64).astype(np.uint8)
    write_png(tmp_path / "maps" / "0003.png", shipped)
    write_png(tmp_path / "maps" / "0004.png", np.repeat(shipped[..., None], 3, axis=-1))
    clip = a_clip(map_pattern="maps/{:04d}.png")
    assert np.array_equal(shipped_map(tmp_path, clip, 2), shipped)
    assert np.array_equal(shipped_map(tmp_path, clip, 3), shipped)


@pytest.mark.parametrize(
    ("image", "kind"),
    [(np.zeros((48, 65), np.uint8), "size-mismatch"), (np.zeros((48, 64), np.uint16), "wrong-depth")],
)
def test_a_shipped_map_that_is_none_of_the_clip_is_refused(tmp_path, image, kind):
    write_png(tmp_path / "maps" / "0001.png", image)
    with pytest.raises(ClipError) as error:
        shipped_map(tmp_path, a_clip(map_pattern="maps/{:04d}.png"), 0)
    assert (error.value.kind, error.value.path) == (kind, "maps/0001.png")
