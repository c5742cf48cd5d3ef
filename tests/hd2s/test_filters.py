"""The matrices against plain sums over the mirrored axis, SciPy's filters and SciPy's cosine transform."""

import numpy as np
import pytest
from scipy.fft import dct
from scipy.ndimage import gaussian_filter1d

from hd2s.filters import bicubic_matrix, cosine_matrix, gaussian_matrix

MATRICES = [bicubic_matrix(5, 8), gaussian_matrix(6, 1.5), cosine_matrix(6)]


def keys(x):
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x <= 2 else 0.0


def plain_resize(line, n_out):
    """Bicubic in one dimension, sample by sample, on the mirrored line."""
    n = len(line)
    mirrored = np.pad(line, 4 * n, mode="symmetric")
    scale = n_out / n
    stretch = min(1.0, scale)
    out = []
    for i in range(n_out):
        centre = (i + 0.5) / scale - 0.5
        taps = [j for j in range(-4 * n, 5 * n) if abs((j - centre) * stretch) <= 2]
        weights = [keys((j - centre) * stretch) for j in taps]
        samples = [mirrored[j + 4 * n] for j in taps]
        out.append(sum(w * s for w, s in zip(weights, samples, strict=True)) / sum(weights))
    return out


@pytest.mark.parametrize("sizes", [(7, 7), (7, 20), (20, 7), (5, 1), (1, 6), (30, 31), (12, 3)])
def test_bicubic_resizing_equals_the_plain_sum(sizes):
    n_in, n_out = sizes
    line = np.random.default_rng(1).random(n_in)
    np.testing.assert_allclose(bicubic_matrix(n_in, n_out) @ line, plain_resize(line, n_out), atol=1e-13)


def test_bicubic_weights_at_half_a_pixel_are_keys_own():
    """Doubling puts an output a quarter of a pixel beside an input: −9, 111, 29, −3 of 128."""
    row = bicubic_matrix(8, 16)[8]
    np.testing.assert_allclose(row[2:6] * 128, [-3, 29, 111, -9], atol=1e-12)
    np.testing.assert_array_equal(bicubic_matrix(6, 6), np.eye(6))


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.5, 20.0])
@pytest.mark.parametrize("n", [1, 2, 9, 40])
def test_gaussian_smoothing_equals_scipys(n, sigma):
    lines = np.random.default_rng(2).random((3, n))
    expected = gaussian_filter1d(lines, sigma, axis=1)
    np.testing.assert_allclose(lines @ gaussian_matrix(n, sigma).T, expected, atol=1e-13)


@pytest.mark.parametrize("sigma", [1e9, float("inf"), float("nan")])
def test_a_gaussian_wider_than_memory_is_refused(sigma):
    with pytest.raises(ValueError, match=f"a σ of 1000 pixels at most, found {sigma}"):
        gaussian_matrix(8, sigma)


@pytest.mark.parametrize("sigma", [0.0, -1.0])
def test_a_gaussian_without_width_is_refused(sigma):
    with pytest.raises(ValueError, match=f"positive σ in pixels, found {sigma}; None means no smoothing"):
        gaussian_matrix(8, sigma)


@pytest.mark.parametrize("n", [1, 2, 7, 32])
def test_the_cosine_transform_is_scipys_and_orthonormal(n):
    line = np.random.default_rng(3).random(n)
    matrix = cosine_matrix(n)
    np.testing.assert_allclose(matrix @ line, dct(line, norm="ortho"), atol=1e-13)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(n), atol=1e-13)


def test_mirrored_smoothing_multiplies_cosine_coefficients():
    matrix = cosine_matrix(24)
    spectrum = matrix @ gaussian_matrix(24, 2.0) @ matrix.T
    np.testing.assert_allclose(spectrum, np.diag(np.diag(spectrum)), atol=1e-12)


@pytest.mark.parametrize("matrix", MATRICES, ids=["bicubic", "gaussian", "cosine"])
def test_what_is_shared_between_calls_cannot_be_written_to(matrix):
    with pytest.raises(ValueError, match="read-only"):
        matrix[0, 0] = 1
    assert gaussian_matrix(6, 1.5) is MATRICES[1]
