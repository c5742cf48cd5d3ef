"""A frame as the DHF1K benchmark scores it: 8-bit predictions resized, s-AUC's negatives, and the metrics.

The metrics themselves are in `hd2s.metrics.scores`; how it averages (over frames, NaN dropped) is its
caller's. Here it is over all frames; the benchmark's code draws 50,000 where there are more (Hollywood2).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from numbers import Integral

import numpy as np
from scipy.sparse import csr_array

from hd2s.filters import bicubic_matrix
from hd2s.metrics.definitions import METRICS
from hd2s.metrics.scores import score_frames

# First word of `draw_other_fixations`' key: the draw is alike for every model, so that all are compared on
# equal terms, those that the grid has trained and those whose predictions are scored as files.
_POOL_SEED = 0

Pool = tuple[Sequence[np.ndarray], Sequence[tuple[int, int]]]
"""Of all evaluated frames: the fixated pixels (n, 2), row and column, and the sizes (H, W)."""


def score_frame(
    prediction: np.ndarray,
    truth: np.ndarray,
    points: np.ndarray,
    pool: Pool,
    key: tuple[int | str, ...],
    *,
    eight_bit: bool = True,
    metrics: Sequence[str] = METRICS,
) -> dict[str, float]:
    """Score one frame's prediction: the one way for the grid's models and for anybody's files.

    Args:
        prediction: (h, w) of any size, resized to the truth's; uint8 as submitted, or as a model gives it.
        truth: the continuous map (H, W), uint8.
        points: its fixated pixels, integers (n, 2), row and column.
        pool: what s-AUC's other fixations are drawn from.
        key: the frame's own, which alone decides its draw: corpus, clip, number.
        eight_bit: predictions become 8-bit images first, as the benchmark receives them.
        metrics: names of `hd2s.metrics.definitions`.

    Returns:
        Name → score, NaN where undefined.

    Raises:
        ValueError: the prediction is not finite; a point lies outside the map.
    """
    others = other_fixations_of(pool, truth.shape, key)
    image = as_benchmark_image(prediction, truth.shape, eight_bit=eight_bit)
    scores = score_frames(image[None], [points], truth[None], [others], metrics=metrics)
    return {name: float(column[0]) for name, column in scores.items()}


def other_fixations_of(pool: Pool, size: tuple[int, int], key: tuple[int | str, ...]) -> np.ndarray:
    """Return the other fixations that a frame is scored on: int64 (m, 2), row and column.

    Args:
        pool: as `score_frame` takes it.
        size: (H, W) of the frame.
        key: the frame's own.
    """
    return draw_other_fixations(*pool, size, (_POOL_SEED, *key))


def as_benchmark_image(saliency: np.ndarray, size: tuple[int, int], *, eight_bit: bool = True) -> np.ndarray:
    """Turn predictions into what the benchmark sees of them.

    First the submitted 8-bit image (`as_submitted`). Then, as the benchmark does, resized **as floating
    point** with `resize_bicubic`: not rounded again, since a second rounding would tie thousands of pixels.

    Args:
        saliency: predictions (..., H, W); uint8 ones are 8-bit images already.
        size: (H', W') to resize to.
        eight_bit: False leaves the predictions as they are, before they are resized.

    Returns:
        float32 (..., H', W'), about 0–255.

    Raises:
        ValueError: a value is not finite.
    """
    saliency = as_submitted(saliency, eight_bit=eight_bit)
    image = resize_bicubic(saliency, size)
    # Resizing leaves rounding noise on a constant image; it must stay constant to score chance, not noise.
    constant = is_constant(saliency)[..., None, None]
    return np.where(constant, saliency[..., :1, :1].astype(np.float32), image) if constant.any() else image


def as_submitted(saliency: np.ndarray, *, eight_bit: bool = True, truncate: bool = False) -> np.ndarray:
    """Return predictions (..., H, W) as the benchmark receives them: made `to_eight_bit` if they are not.

    Args:
        saliency: predictions (..., H, W); uint8 ones are 8-bit images already.
        eight_bit: False leaves them as they are.
        truncate: as `to_eight_bit` takes it.

    Raises:
        ValueError: a value is not finite.
    """
    saliency = np.asarray(saliency)
    if not np.isfinite(saliency).all():
        raise ValueError("as_benchmark_image: expected finite predictions, found NaN or infinity")
    if not eight_bit or saliency.dtype == np.uint8:
        return saliency
    return to_eight_bit(saliency, truncate=truncate)


def is_constant(submitted: np.ndarray) -> np.ndarray:
    """Say which of the images (..., H, W) have one value alone: bool (...). They score chance."""
    return submitted.min(axis=(-2, -1)) == submitted.max(axis=(-2, -1))


def to_eight_bit(saliency: np.ndarray, *, truncate: bool = False) -> np.ndarray:
    """Make 8-bit images to submit, each with its maximum at 255.

    Negative values are cut off; rounded half to even. The benchmark's metrics ignore scale, so dividing by
    the maximum only lets all 256 levels be used.

    Args:
        saliency: predictions (..., H, W), finite.
        truncate: round down instead, as the released codes of HD2S and TASED-Net do.

    Returns:
        uint8 (..., H, W).
    """
    levels = np.maximum(saliency, 0).astype(np.float64)
    peak = levels.max(axis=(-2, -1), keepdims=True)
    if truncate:
        # Divided first, so that the maximum comes to 255 and not to just below.
        return (np.divide(levels, peak, out=np.zeros_like(levels), where=peak > 0) * 255).astype(np.uint8)
    levels *= np.divide(255.0, peak, out=np.zeros_like(peak), where=peak > 0)
    return np.rint(levels, out=levels).astype(np.uint8)


def resize_bicubic(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize images as MATLAB's bicubic `imresize`.

    Antialiased when shrinking, mirrored at the border, not clipped: values may overshoot. The same to the
    bit with any threads, on x86 processors of any kind and on GPUs: pixels that are alike are told apart by
    nothing but rounding, and AUC-J of nearly flat maps moved by 0.03 with the order of a product's sums.

    Args:
        images: (..., H, W) of any dtype.
        size: (H', W') in pixels.

    Returns:
        float32 (..., H', W').
    """
    images = np.asarray(images, dtype=np.float32)
    height, width = images.shape[-2:]
    if (height, width) == tuple(size):
        return images
    rows, columns = bicubic_taps(height, size[0]), bicubic_taps(width, size[1])
    resized = np.empty((*images.shape[:-2], *size), dtype=np.float32)
    for i in np.ndindex(*images.shape[:-2]):
        wide = columns @ np.ascontiguousarray(images[i].T)
        resized[i] = rows @ np.ascontiguousarray(wide.T)
    return resized


@lru_cache(maxsize=128)
def bicubic_taps(n_in: int, n_out: int) -> csr_array:
    """Return `bicubic_matrix` as its few taps: float32 (n_out, n_in), which are summed in their order."""
    return csr_array(bicubic_matrix(n_in, n_out).astype(np.float32))


def draw_other_fixations(
    points_by_frame: Sequence[np.ndarray],
    sizes: Sequence[tuple[int, int]],
    to_size: tuple[int, int],
    key: tuple[int | str, ...],
    n_frames: int = 10,
) -> np.ndarray:
    """Draw s-AUC's other-fixations for one frame.

    As the benchmark: the union, as a set of pixels, of the fixations of some evaluated frames drawn without
    replacement; the scored frame and its video are not left out. A point moves to the pixel holding its old
    pixel's centre. The draw depends on `key` and on the number of frames, never on other calls.

    Args:
        points_by_frame: the points (n, 2) of each evaluated frame; only the drawn frames are looked up.
        sizes: (H, W) of each evaluated frame, looked up likewise.
        to_size: (H, W) of the scored frame.
        key: such as (seed, corpus, clip, frame).
        n_frames: how many are drawn; all, if there are fewer.

    Returns:
        int64 (m, 2) of (y, x) at `to_size`.
    """
    total = len(points_by_frame)
    height, width = to_size
    union = np.zeros(to_size, dtype=bool)
    for i in _generator(key).choice(total, min(n_frames, total), replace=False):
        y, x = np.asarray(points_by_frame[i], dtype=np.int64).reshape(-1, 2).T
        from_height, from_width = sizes[i]
        union[(2 * y + 1) * height // (2 * from_height), (2 * x + 1) * width // (2 * from_width)] = True
    return np.stack(np.divmod(np.flatnonzero(union), width), axis=1)


def _generator(key: tuple[int | str, ...]) -> np.random.Generator:
    # Through plain int and str, so that a NumPy integer in the key draws what the Python one does.
    words = [int(part) if isinstance(part, Integral) else str(part) for part in key]
    digest = hashlib.blake2b(json.dumps(words).encode(), digest_size=16).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))
