"""Linear filters along one axis, as matrices whose border is a mirror.

Resizing and Gaussian smoothing are separable, so a filtered image is ``rows @ image @ columns.T``. A
dense matrix product at these sizes costs no more than a convolution (well under a millisecond per
frame), is the same code in NumPy and torch, and holds the border rule exactly: MATLAB's `imresize` and
SciPy's `gaussian_filter` both continue the image by its mirror, edge pixel repeated (d c b a|a b c d).
"""

from functools import lru_cache

import numpy as np

WIDEST_SIGMA = 1000.0
"""Of `gaussian_matrix`, in pixels: it takes as many numbers, eight times the side."""


@lru_cache(maxsize=128)
def bicubic_matrix(n_in: int, n_out: int) -> np.ndarray:
    """Weights of MATLAB's bicubic `imresize` along one axis.

    Keys' cubic (a = −1/2); when shrinking, the kernel is widened by the factor (antialiased).

    Returns:
        float64 (n_out, n_in), shared between calls and read-only.
    """
    scale = n_out / n_in
    stretch = min(scale, 1.0)
    width = 4.0 / stretch
    centre = (np.arange(n_out)[:, None] + 0.5) / scale - 0.5
    taps = np.floor(centre - width / 2).astype(np.int64) + np.arange(int(np.ceil(width)) + 2)
    weights = _keys_cubic((centre - taps) * stretch)
    return _assemble(taps, weights, n_in)


@lru_cache(maxsize=128)
def gaussian_matrix(n: int, sigma: float) -> np.ndarray:
    """Weights of `scipy.ndimage.gaussian_filter1d` with its defaults (4σ, mirror).

    Args:
        n: pixels along the axis.
        sigma: in pixels.

    Returns:
        float64 (n, n), shared between calls and read-only.

    Raises:
        ValueError: `sigma` is not positive, or more than `WIDEST_SIGMA`.
    """
    if not sigma <= WIDEST_SIGMA:
        raise ValueError(f"expected a σ of {WIDEST_SIGMA:g} pixels at most, found {sigma}")
    if sigma <= 0:
        raise ValueError(f"expected a positive σ in pixels, found {sigma}; None means no smoothing")
    radius = int(4.0 * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    taps = np.arange(n)[:, None] + offsets
    weights = np.broadcast_to(np.exp(-0.5 * (offsets / sigma) ** 2), taps.shape)
    return _assemble(taps, weights, n)


@lru_cache(maxsize=128)
def cosine_matrix(n: int) -> np.ndarray:
    """Orthonormal cosine transform (DCT-II): row k is the cosine of k half-periods.

    Filters that are symmetric and mirrored at the border multiply its coefficients.

    Returns:
        float64 (n, n), shared between calls and read-only.
    """
    k = np.arange(n)[:, None]
    matrix = np.sqrt(2 / n) * np.cos(np.pi * k * (np.arange(n) + 0.5) / n)
    matrix[0] /= np.sqrt(2)
    matrix.setflags(write=False)
    return matrix


def _assemble(taps: np.ndarray, weights: np.ndarray, n_in: int) -> np.ndarray:
    """Matrix with rows that sum to 1, taps outside the axis folded back onto their mirror pixel."""
    folded = taps % (2 * n_in)
    folded = np.minimum(folded, 2 * n_in - 1 - folded)
    matrix = np.zeros((len(taps), n_in))
    np.add.at(matrix, (np.arange(len(taps))[:, None], folded), weights)
    matrix /= matrix.sum(axis=1, keepdims=True)
    matrix.setflags(write=False)
    return matrix


def _keys_cubic(x: np.ndarray) -> np.ndarray:
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x <= 1.0, near, np.where(x <= 2.0, far, 0.0))
