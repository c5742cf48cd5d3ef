"""The rules by which images come to a model's size, against their formulas written out pixel by pixel."""

import math

import numpy as np
import pytest
from PIL import Image

from datasets.resizing import DEFAULT_RESIZING, RESIZINGS, Placed, framed, framing_of, placed, resize


def linear(x: float) -> float:
    return max(0.0, 1 - abs(x))


def keys(x: float, a: float = -0.75) -> float:
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def matrix(n_old: int, n_new: int, kernel) -> np.ndarray:
    """Each new pixel as weights of the old ones: centres meet, the border goes on, no antialiasing."""
    found = np.zeros((n_new, n_old))
    for new in range(n_new):
        at = (new + 0.5) * n_old / n_new - 0.5
        for old in range(math.floor(at) - 3, math.floor(at) + 5):
            found[new, min(max(old, 0), n_old - 1)] += kernel(at - old)
    return found


def plain(image: np.ndarray, size: tuple[int, int], kernel) -> np.ndarray:
    """Resize in real numbers, rounded at the end: (h, w, 3) to (H, W, 3)."""
    rows, columns = (matrix(old, new, kernel) for old, new in zip(image.shape, size, strict=False))
    return np.clip(np.einsum("ah,hwc,bw->abc", rows, image.astype(float), columns), 0, 255)


KERNELS = {"opencv-bilinear": linear, "opencv-bicubic": keys}
SIZES = [
    ((36, 64), (13, 19)),
    ((24, 48), (12, 12)),
    ((9, 7), (24, 32)),
    ((1, 1), (4, 4)),
    ((45, 30), (15, 30)),
]


@pytest.mark.parametrize("rule", KERNELS)
@pytest.mark.parametrize(("old", "new"), SIZES)
def test_the_released_rules_are_their_formulas(rule, old, new):
    image = np.random.default_rng(0).integers(0, 256, (*old, 3), np.uint8)
    found, expected = resize(image, new, rule), plain(image, new, KERNELS[rule])
    assert (found.dtype, found.shape) == (np.uint8, (*new, 3))
    # Bilinear in whole numbers, with weights of 11 bits; bicubic but for ties.
    assert np.abs(found - expected).max() <= (0.9 if rule == "opencv-bilinear" else 0.5 + 1e-9)
    assert np.array_equal(resize(image[..., 1], new, rule), found[..., 1]), "maps as frames"


def test_they_are_opencvs_to_the_bit():
    """What cv2.resize of OpenCV 4.10 and 5.0 alike gave of this image."""
    image = (np.arange(5 * 7).reshape(5, 7) ** 2 * 7 % 256).astype(np.uint8)
    assert resize(image, (3, 4), "opencv-bilinear").tolist() == [
        [44, 45, 101, 212],
        [72, 29, 221, 234],
        [121, 139, 20, 180],
    ]
    assert resize(image, (3, 4), "opencv-bicubic").tolist() == [
        [46, 43, 88, 217],
        [75, 21, 223, 234],
        [122, 144, 0, 189],
    ]


def test_without_antialiasing_most_pixels_of_a_large_frame_count_for_nothing():
    stripes = np.tile(np.array([0, 0, 255, 0, 0], np.uint8), (20, 8))
    assert resize(stripes, (4, 8), "opencv-bilinear").min() == 255, "the pixel in the middle alone"
    assert resize(stripes, (4, 8)).max() < 128


def test_the_default_is_pillows_antialiased_bilinear_as_ever():
    image = np.random.default_rng(1).integers(0, 256, (36, 64, 3), np.uint8)
    expected = np.asarray(Image.fromarray(image).resize((19, 13), Image.Resampling.BILINEAR))
    assert np.array_equal(resize(image, (13, 19)), expected)
    assert (DEFAULT_RESIZING, "pil-lanczos", *KERNELS) == tuple(RESIZINGS)


def test_an_image_of_the_size_is_left_as_it_is():
    image = np.zeros((4, 5, 3), np.uint8)
    assert all(resize(image, size, rule) is image for size in (None, (4, 5)) for rule in RESIZINGS)


def test_lanczos_is_pillows():
    image = np.random.default_rng(0).integers(0, 256, (36, 64, 3), np.uint8)
    expected = np.asarray(Image.fromarray(image).resize((19, 13), Image.Resampling.LANCZOS))
    assert np.array_equal(resize(image, (13, 19), "pil-lanczos"), expected)


@pytest.mark.parametrize(
    ("native", "frame", "framing", "expected"),
    [
        # 224 / 480 of 640 columns are 298 of 416: 118 are black.
        ((480, 640), (224, 416), "height", ((224, 298), 0, -59)),
        ((360, 640), (224, 416), "height", ((224, 398), 0, -9)),
        ((272, 640), (224, 416), "height", ((224, 527), 0, 56)),
        ((224, 300), (224, 416), "height", ((224, 300), 0, -58)),
        ((404, 720), (256, 384), "cover", ((256, 456), 0, 36)),
        ((480, 640), (256, 384), "cover", ((288, 384), 16, 0)),
        ((480, 720), (256, 384), "cover", ((256, 384), 0, 0)),
        ((480, 640), (256, 384), "squashed", ((256, 384), 0, 0)),
    ],
)
def test_a_frame_of_another_aspect_lies_where_the_released_code_puts_it(native, frame, framing, expected):
    assert placed(native, frame, framing) == Placed(frame, *expected)


def test_a_narrow_frame_has_black_bars_and_a_wide_one_loses_its_sides():
    narrow = np.full((48, 64, 3), 200, np.uint8)
    found = resize(narrow, (24, 44), framed("pil-lanczos", "height"))
    assert (found[:, :6] == 0).all()
    assert (found[:, 6:38] == 200).all()
    assert (found[:, 38:] == 0).all()

    wide = np.arange(96, dtype=np.uint8)[None].repeat(24, 0)
    assert np.array_equal(resize(wide, (24, 44), framed("pil-lanczos", "height")), wide[:, 26:70])
    tall = np.arange(96, dtype=np.uint8)[:, None].repeat(24, 1)
    assert np.array_equal(resize(tall, (44, 24), framed("opencv-bilinear", "cover")), tall[26:70])


def test_a_rule_says_how_an_image_lies_in_its_size():
    assert framed("pil-lanczos", "squashed") == "pil-lanczos"
    rules = {framing: framed("pil-lanczos", framing) for framing in ("squashed", "height", "cover")}
    assert {framing: framing_of(rule) for framing, rule in rules.items()} == {each: each for each in rules}
