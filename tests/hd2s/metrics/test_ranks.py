"""That pixels at or above fixated values are counted exactly, one by one and in sum."""

import numpy as np
import pytest

from hd2s.metrics.definitions import Convention
from hd2s.metrics.image import Image
from hd2s.metrics.ranks import counts_at_least, sums_at_least
from hd2s.metrics.scores import auc_judd
from tests.hd2s.metrics.plain_metrics import plain_auc_judd

SHAPE = (61, 83)
MAPS = {
    "smooth": lambda rng: rng.random(SHAPE) ** 4,
    "float32": lambda rng: rng.random(SHAPE).astype(np.float32) - 0.5,
    # Nearly all pixels share one bucket, and differ by less than a bucket's width.
    "crowded": lambda rng: np.where(rng.random(SHAPE) < 0.01, 1.0, rng.random(SHAPE) * 1e-7),
    "tied": lambda rng: rng.integers(0, 5, SHAPE).astype(float),
    "huge": lambda rng: (rng.random(SHAPE) - 0.5) * 1.5e308,
    "8-bit": lambda rng: rng.integers(0, 256, SHAPE, dtype=np.uint8),
}


@pytest.mark.parametrize("n", [1, 253, 254, 255, 256, 4000])
@pytest.mark.parametrize("kind", MAPS)
def test_counts_are_those_of_comparing_every_pixel(kind, n):
    rng = np.random.default_rng(n)
    values = MAPS[kind](rng)
    fixated = rng.choice(values.size, n, replace=False)
    image = Image.of(values)
    expected = [int((values >= t).sum()) for t in np.sort(values.reshape(-1)[fixated])[::-1]]
    assert counts_at_least(image, fixated).tolist() == expected
    assert sums_at_least(image, fixated) == (sum(expected), expected[-1])


def test_more_fixations_than_16_bits_number():
    values = np.random.default_rng(0).random((300, 400)).astype(np.float32)
    image, fixated = Image.of(values), np.arange(70_000)
    expected = np.arange(1, values.size + 1)[::-1][np.searchsorted(np.sort(values.ravel()), values.ravel())]
    expected = np.sort(expected[fixated])
    np.testing.assert_array_equal(counts_at_least(image, fixated), expected)
    assert sums_at_least(image, fixated) == (expected.sum(), expected[-1])


@pytest.mark.parametrize("kind", MAPS)
def test_areas_by_sums_are_those_by_curves(kind):
    rng = np.random.default_rng(1)
    values = MAPS[kind](rng)
    points = np.stack(np.divmod(rng.choice(values.size, 40, replace=False), SHAPE[1]), axis=1)
    by_curve = auc_judd(values, points, convention=Convention(auc_digits=15))
    assert auc_judd(values, points) == pytest.approx(by_curve, abs=1e-12)
    assert by_curve == pytest.approx(plain_auc_judd(values, points), abs=1e-12)


@pytest.mark.parametrize("shape", [(7, 9), (8, 8)])
def test_8_bit_maps_are_counted_by_level(shape):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, shape, dtype=np.uint8)  # an odd and an even number of pixels
    points = np.stack(np.divmod(rng.choice(values.size, 20, replace=False), shape[1]), axis=1)
    assert auc_judd(values, points) == auc_judd(values.astype(np.float32), points)
