"""The batched form of the metrics, which is meant for GPUs, against the frame-by-frame one."""

import numpy as np
import pytest
import torch

from hd2s.metrics import on_gpu
from hd2s.metrics.definitions import BENCHMARK, Convention, Metric
from hd2s.metrics.scores import score_frames
from tests.hd2s.metrics.plain_metrics import KINDS, H, W, batched, example

CONVENTIONS = [BENCHMARK, Convention(empty_nss=1.0, auc_digits=4, shuffled_endpoint=False)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_batched_and_frame_by_frame_are_equal(kind, convention):
    frames = [example(seed, n=n, m=m, kind=kind) for seed, (n, m) in enumerate([(30, 80), (1, 9), (200, 3)])]
    saliency, points, maps, others = (list(part) for part in zip(*frames, strict=True))
    points.append(np.empty((0, 2), int))
    saliency, maps, others = (
        np.stack([*saliency, saliency[0]]),
        np.stack([*maps, maps[0]]),
        [*others, others[0]],
    )
    one_by_one = score_frames(saliency, points, maps, others, convention=convention)
    for name, column in batched(saliency, points, maps, others, convention).items():
        near = {"rtol": 3e-7, "atol": 1e-6} if name == "KLD" else {"rtol": 0, "atol": 1e-9}
        np.testing.assert_allclose(column, one_by_one[name], **near, err_msg=name)


def test_frames_beyond_the_first_batch_are_scored_and_named_by_their_own_numbers():
    frames = [example(seed, n=5 + seed) for seed in range(3)]
    order = [i % 3 for i in range(70)]
    saliency, points, maps, others = ([part[i] for i in order] for part in zip(*frames, strict=True))
    saliency, maps = np.stack(saliency), np.stack(maps)
    scores = batched(saliency, points, maps, others)
    three = batched(saliency[:3], points[:3], maps[:3], others[:3])
    for name, column in scores.items():
        np.testing.assert_allclose(column, three[name][order], rtol=0, atol=1e-12, err_msg=name)
    with pytest.raises(ValueError, match=rf"frame 69: .*\(0, {W}\) outside the map \({H}, {W}\)"):
        batched(saliency, [*points[:69], np.array([[0, W]])], maps, others)
    for bad in (np.nan, np.inf):
        broken = saliency.copy()
        broken[66, 3, 4] = bad
        with pytest.raises(ValueError, match="frame 66: expected a finite map"):
            batched(broken, points, maps, others)


def test_no_frames_have_no_scores():
    empty = np.empty((0, H, W))
    assert {column.shape for column in batched(empty, [], empty, []).values()} == {(0,)}


@pytest.mark.parametrize(
    ("of_batch", "found"),
    [
        (lambda batch: batch.nothing, "metric mine: AttributeError"),
        (lambda batch: torch.zeros(3), r"metric mine: expected scores of the shape \(2,\), found \(3,\)"),
        (lambda batch: 0.5, r"metric mine: expected scores of the shape \(2,\), found \(\)"),
        (None, "metric mine: expected one that scores batches"),
    ],
)
def test_a_metric_that_fails_is_told_by_name(of_batch, found):
    metric = Metric("mine", 0.0, 1.0, larger_is_better=True, of_frame=len, of_batch=of_batch)
    saliency, points, truth, others = example(0)
    maps = [torch.from_numpy(np.stack([each] * 2)) for each in (saliency, truth)]
    arguments = maps[0], [points] * 2, maps[1], [others] * 2
    with pytest.raises(ValueError, match=found):
        on_gpu.score(*arguments, metrics=[metric], convention=BENCHMARK)


def test_memory_that_a_gpu_lacks_is_no_fault_of_a_metric():
    def full(batch):
        raise torch.OutOfMemoryError

    metric = Metric("mine", 0.0, 1.0, larger_is_better=True, of_frame=len, of_batch=full)
    saliency, points, truth, others = example(0)
    arguments = torch.from_numpy(saliency[None]), [points], torch.from_numpy(truth[None]), [others]
    with pytest.raises(torch.OutOfMemoryError):
        on_gpu.score(*arguments, metrics=[metric], convention=BENCHMARK)
