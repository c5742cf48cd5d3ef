"""What the metrics of one frame are computed from, and that threads do not disturb each other."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from hd2s.metrics import on_processor
from hd2s.metrics.definitions import BENCHMARK, METRICS, Convention, Metric, find_metric
from hd2s.metrics.on_processor import area, as_numpy, pixels, shuffled_area
from tests.hd2s.metrics.plain_metrics import example, plain_area, plain_shuffled_area

ALL = [find_metric(name) for name in METRICS]


@pytest.mark.parametrize("n", [0, 1, 499, 500, 2000])
def test_points_are_a_set_of_pixels_however_many_there_are(n):
    points = np.random.default_rng(n).integers(0, (30, 40), (n, 2)).astype(np.int16)
    expected = sorted({int(y) * 40 + int(x) for y, x in points})
    assert pixels(points, (30, 40)).tolist() == expected
    mask = np.zeros((30, 40), bool)
    mask[tuple(points.T)] = True
    assert pixels(mask, (30, 40)).tolist() == expected
    assert pixels(torch.from_numpy(points), (30, 40)).tolist() == expected


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (np.array([[0, 0], [3, 1]]), r"fixation \(y, x\) = \(3, 1\) outside the map \(3, 4\)"),
        (np.array([[0, -1]]), r"\(0, -1\) outside"),
        (np.array([[0.0, 1.0]]), r"found float64 \(1, 2\); pass an image of fixations as `image > 0`"),
        (np.ones((3, 4), np.uint8), r"expected fixations as bool \(3, 4\) or integer \(n, 2\)"),
        (np.ones((4, 3), bool), r"found bool \(4, 3\)"),
    ],
)
def test_what_is_no_set_of_pixels_is_refused(points, said):
    with pytest.raises(ValueError, match=said):
        pixels(points, (3, 4))


def test_tensors_become_arrays_whatever_their_type():
    values = torch.tensor([[0.5, 2.0]], requires_grad=True)
    np.testing.assert_array_equal(as_numpy(values), [[0.5, 2.0]])
    rounded = as_numpy(values.bfloat16())
    assert rounded.dtype == np.float32
    np.testing.assert_array_equal(rounded, [[0.5, 2.0]])


def test_areas_are_those_of_trapezoids():
    assert area(np.array([]), np.array([]), BENCHMARK) == 0.5
    rng = np.random.default_rng(0)
    tp, fp = np.sort(rng.random(9)), np.sort(rng.random(9))
    assert area(tp, fp, BENCHMARK) == pytest.approx(plain_area(tp, fp), abs=1e-14)
    rounded = Convention(auc_digits=1)
    assert area(tp, fp, rounded) == pytest.approx(plain_area(tp.round(1), fp.round(1)), abs=1e-14)


@pytest.mark.parametrize("largest", [1.0, 0.97, 0.5])
def test_the_area_of_two_samples_is_that_of_the_threshold_loop(largest):
    rng = np.random.default_rng(1)
    hits, negatives = np.append(rng.random(20) * largest, largest), rng.random(30) * largest
    found = shuffled_area(hits, negatives, BENCHMARK)
    assert found == pytest.approx(plain_shuffled_area(hits, negatives), abs=1e-14)


def of_frames(seeds, **options):
    frames = [example(seed, **options) for seed in seeds]
    saliency, points, truth, others = (list(part) for part in zip(*frames, strict=True))
    return np.stack(saliency), points, np.stack(truth), others


def test_other_fixations_may_be_shared_by_some_frames_and_not_by_others():
    saliency, points, truth, (first, second, _) = of_frames(range(3))
    for others in ([first] * 3, [first, second, second], [first, second, first]):
        scores = on_processor.score(saliency, points, truth, others, metrics=ALL, convention=BENCHMARK)
        for i in range(3):
            one = slice(i, i + 1)
            alone = on_processor.score(
                saliency[one], points[one], truth[one], others[one], metrics=ALL, convention=BENCHMARK
            )
            np.testing.assert_array_equal(scores[:, i], alone[:, 0])


def test_threads_score_frames_of_their_own_beside_each_other():
    def scored(seed):
        shape = (120, 160) if seed % 2 else (90, 200)
        frames = of_frames([seed] * 4, shape=shape)
        return on_processor.score(*frames, metrics=ALL, convention=BENCHMARK)

    expected = [scored(seed) for seed in range(8)]
    with ThreadPoolExecutor(4) as pool:
        for found, alone in zip(pool.map(scored, list(range(8)) * 3), expected * 3, strict=True):
            np.testing.assert_array_equal(found, alone)


def test_a_metric_that_fails_is_told_by_name_and_frame():
    def broken(frame):
        return [1.0, 2.0] if len(frame.fixated) == 3 else 0.5

    metric = Metric("mine", 0.0, 1.0, larger_is_better=True, of_frame=broken)
    saliency, points, truth, others = example(0)
    arguments = np.stack([saliency] * 2), [points[:1], points[:3]], np.stack([truth] * 2), [others] * 2
    with pytest.raises(ValueError, match="frame 1: metric mine: expected a number, found TypeError"):
        on_processor.score(*arguments, metrics=[metric], convention=BENCHMARK)

    def short(frame):
        raise MemoryError

    metric = Metric("mine", 0.0, 1.0, larger_is_better=True, of_frame=short)
    with pytest.raises(MemoryError):
        on_processor.score(*arguments, metrics=[metric], convention=BENCHMARK)
