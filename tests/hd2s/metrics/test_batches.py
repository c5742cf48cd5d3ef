"""Many frames as the benchmark scores them, against one at a time."""

import numpy as np
import pytest
import torch

from hd2s.metrics import METRICS
from hd2s.metrics.batches import _resized, _submitted, score_batch
from hd2s.metrics.benchmark import as_submitted, other_fixations_of, resize_bicubic, score_frame

SIZE, INPUT, N = (45, 60), (16, 24), 7


def frames():
    """Return predictions, truths, points and their pool: noise, one value, nothing, and few levels."""
    rng = np.random.default_rng(0)
    maps = rng.normal(0.3, 0.5, (N, *INPUT)).astype(np.float32)
    maps[1], maps[2], maps[3] = 0.4, 0.0, np.round(maps[3])
    truths = rng.integers(0, 256, (N, *SIZE), dtype=np.uint8)
    points = [rng.integers(0, SIZE, (n, 2)) for n in (9, 4, 3, 20, 1, 0, 30)]
    return maps, truths, points, (points, [SIZE] * N)


@pytest.mark.parametrize(("eight_bit", "truncate"), [(True, False), (True, True), (False, False)])
def test_a_batch_scores_as_its_frames_do(eight_bit, truncate):
    maps, truths, points, pool = frames()
    others = [other_fixations_of(pool, SIZE, ("c", i)) for i in range(N)]
    how = {"metrics": METRICS, "eight_bit": eight_bit, "truncate": truncate}
    constant, scores = score_batch(torch.from_numpy(maps), torch.from_numpy(truths), points, others, **how)
    assert constant.tolist() == [i in (1, 2) for i in range(N)]
    for i in range(N):
        image = as_submitted(maps[i], eight_bit=eight_bit, truncate=truncate)
        own = truths[i], points[i], pool, ("c", i)
        expected = score_frame(image, *own, eight_bit=eight_bit)
        np.testing.assert_allclose(scores[:, i], list(expected.values()), rtol=0, atol=2e-6)


@pytest.mark.parametrize("size", [(45, 60), (16, 60), (45, 24), (16, 24), (7, 9), (1, 100)])
def test_images_are_resized_as_a_frame_is_to_the_bit(size):
    """Else pixels that are alike would be told apart otherwise, and AUC-J hang on the device."""
    maps, *_ = frames()
    for images in (maps, as_submitted(maps)):
        np.testing.assert_array_equal(_resized(torch.from_numpy(images), size), resize_bicubic(images, size))


@pytest.mark.parametrize("truncate", [True, False])
def test_eight_bit_images_are_those_that_are_submitted(truncate):
    maps, *_ = frames()
    found = _submitted(torch.from_numpy(maps), eight_bit=True, truncate=truncate, first=0)
    assert np.array_equal(found.numpy(), as_submitted(maps, truncate=truncate))


def test_a_bad_frame_is_told_by_its_number():
    maps, truths, points, _ = frames()
    maps[4, 2, 3] = np.inf
    with pytest.raises(ValueError, match=r"frame 14: .* found NaN or infinity"):
        score_batch(*map(torch.from_numpy, (maps, truths)), points, points, metrics=METRICS, first=10)
