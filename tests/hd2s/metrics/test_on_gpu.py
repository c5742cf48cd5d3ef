"""The batched form of the metrics against the frame-by-frame one; conventions; what arrays come and go."""

import numpy as np
import pytest
import torch

from hd2s.metrics.definitions import BENCHMARK, METRICS, Convention
from hd2s.metrics.scores import auc_judd, score_frames, shuffled_auc
from tests.hd2s.plain_metrics import KINDS, batched, example, plain_area, plain_auc_judd

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


def test_conventions_of_the_ports():
    saliency, points, truth, others = example(9)
    none = np.empty((0, 2), int)
    frames = np.stack([saliency] * 2), [points, none], np.stack([truth] * 2), others
    usual, rounded = score_frames(*frames), score_frames(*frames, convention=Convention(auc_digits=2))
    assert np.isnan(usual["NSS"][1])
    assert score_frames(*frames, convention=Convention(empty_nss=1.0))["NSS"].tolist() == [
        usual["NSS"][0],
        1.0,
    ]
    n, values = len(points), np.array(sorted(saliency[tuple(points.T)], reverse=True))
    tp = np.arange(1, n + 1) / n
    fp = [((saliency >= t).sum() - i) / (saliency.size - n) for i, t in enumerate(values, 1)]
    assert rounded["AUC-J"][0] == pytest.approx(plain_area(tp.round(2), np.round(fp, 2)), abs=1e-12)
    # Only the threshold 1.0 tells the fixation from its neighbour.
    image, hit, other = np.array([[0.0, 1.0], [0.97, 0.6]]), np.array([[0, 1]]), np.array([[1, 0]])
    assert shuffled_auc(image, hit, other) == 1.0
    assert shuffled_auc(image, hit, other, convention=Convention(shuffled_endpoint=False)) == 0.5


def test_only_the_metrics_asked_for():
    saliency, points, truth, others = example(0)
    args = saliency[None], [points], truth[None], others
    some = score_frames(*args, metrics=("AUC-J", "NSS"))
    whole = score_frames(*args)
    assert {name: column.tolist() for name, column in some.items()} == {
        name: whole[name].tolist() for name in ("AUC-J", "NSS")
    }


def test_8_bit_maps_are_counted_by_level():
    rng = np.random.default_rng(0)
    for shape in ((7, 9), (8, 8)):  # an odd and an even number of pixels
        saliency = rng.integers(0, 256, shape, dtype=np.uint8)
        points = np.stack(np.divmod(rng.choice(saliency.size, 20, replace=False), shape[1]), axis=1)
        assert auc_judd(saliency, points) == auc_judd(saliency.astype(np.float32), points)
        assert auc_judd(saliency, points) == pytest.approx(plain_auc_judd(saliency, points), abs=1e-12)


def test_tensors_come_back_as_tensors():
    saliency, points, truth, others = example(0)
    got = score_frames(torch.from_numpy(saliency)[None], [points], torch.from_numpy(truth)[None], others)
    plain = score_frames(saliency[None], [points], truth[None], others)
    assert {name: column.dtype for name, column in got.items()} == dict.fromkeys(METRICS, torch.float64)
    assert {name: column.tolist() for name, column in got.items()} == {
        n: c.tolist() for n, c in plain.items()
    }
