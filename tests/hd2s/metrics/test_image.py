"""That a map's moments are exact, and that what is no map is refused."""

import numpy as np
import pytest

from hd2s.metrics.image import Image
from hd2s.metrics.on_processor import pixels
from tests.hd2s.metrics.plain_metrics import KINDS, example


@pytest.mark.parametrize("kind", KINDS)
def test_moments_are_those_of_the_map(kind):
    saliency, points, *_ = example(0, kind=kind)
    image, exact = Image.of(saliency), saliency.astype(np.float64)
    assert (image.low, image.high) == (exact.min(), exact.max())
    assert image.unit == (exact.max() - exact.min() if saliency.dtype == np.float64 else 1)
    np.testing.assert_allclose(image.shifted * image.unit + image.low, exact.ravel(), rtol=1e-12)
    assert image.total == pytest.approx(image.shifted.sum(), rel=1e-12)
    assert image.spread / image.values.size == pytest.approx(exact.var() / image.unit**2, rel=1e-9)
    at = pixels(points, image.shape)
    np.testing.assert_allclose(
        image.scaled(at), (exact.ravel()[at] - exact.min()) / np.ptp(exact), rtol=1e-12
    )
    assert not image.constant


def test_a_map_of_huge_values_does_not_overflow():
    image = Image.of(np.array([[0.0, 1e300], [3e300, 2e300]]))
    assert np.isfinite(image.square)
    assert image.spread * 9 / 4 == pytest.approx(np.var([0.0, 1.0, 3.0, 2.0]))


def test_constant_and_zero_maps_say_so():
    for value in (0, 7):
        image = Image.of(np.full((3, 4), value, np.uint8))
        assert image.constant
        assert image.zero == (value == 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_map_that_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match="expected a finite map, found NaN or infinity; check the model"):
        Image.of(np.array([[0.0, bad]]))
