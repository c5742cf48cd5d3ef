import numpy as np
import pytest
from scipy.fft import dct
from scipy.ndimage import gaussian_filter1d

from hd2s.filters import bicubic_matrix, cosine_matrix, gaussian_matrix


def test_cosines_equal_scipys():
    np.testing.assert_allclose(cosine_matrix(7), dct(np.eye(7), norm="ortho", axis=0), atol=1e-15)


@pytest.mark.parametrize(("n", "sigma"), [(1, 2.0), (7, 0.4), (7, 5.0), (192, 7.0)])
def test_gaussians_equal_scipys(n, sigma):
    np.testing.assert_allclose(
        gaussian_matrix(n, sigma), gaussian_filter1d(np.eye(n), sigma, axis=0), atol=1e-15
    )


@pytest.mark.parametrize("sigma", [0, -1.0])
def test_a_gaussian_has_a_width(sigma):
    with pytest.raises(ValueError, match="positive σ in pixels, found"):
        gaussian_matrix(5, sigma)


def test_resizing_to_the_same_size_changes_nothing():
    np.testing.assert_allclose(bicubic_matrix(6, 6), np.eye(6), atol=1e-15)


def test_doubling_takes_keys_weights_at_a_quarter_of_a_pixel():
    """Pixel 5 of 16 lies a quarter behind pixel 2 of 8: 1¼, ¼, ¾ and 1¾ from the pixels 1 to 4."""
    weights = np.array([-0.0703125, 0.8671875, 0.2265625, -0.0234375])
    np.testing.assert_allclose(bicubic_matrix(8, 16)[5, 1:5], weights, atol=1e-12)


def test_matrices_are_shared_and_cannot_be_written():
    assert gaussian_matrix(5, 1.0) is gaussian_matrix(5, 1.0)
    for matrix in (cosine_matrix(5), gaussian_matrix(5, 1.0), bicubic_matrix(5, 8)):
        with pytest.raises(ValueError, match="read-only"):
            matrix[0, 0] = 1
