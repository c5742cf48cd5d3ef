"""The metrics against plain formulations of the benchmark's definitions: threshold loops and random draws."""

from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.stats import mannwhitneyu

from hd2s.metrics.definitions import METRICS, Convention
from hd2s.metrics.scores import (
    auc_judd,
    cc,
    kld,
    nss,
    score_frames,
    shuffled_auc,
    sim,
)
from tests.hd2s.metrics.plain_metrics import (
    KINDS,
    H,
    W,
    batched,
    example,
    plain_area,
    plain_auc_judd,
    plain_kld,
    plain_nss,
    plain_shuffled_area,
    plain_sim,
    scaled_at,
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 2, 30, H * W - 1])
@pytest.mark.parametrize("seed", [0, 1])
def test_all_metrics_against_plain_formulations(kind, n, seed):
    saliency, points, truth, others = example(seed, n=n, kind=kind)
    got = score_frames(saliency[None], [points], truth[None], [others])
    assert tuple(got) == METRICS
    assert all(v.shape == (1,) and v.dtype == np.float64 for v in got.values())
    exact = saliency.astype(np.float64)
    expected = {
        "NSS": plain_nss(exact, points),
        "CC": np.corrcoef(exact.ravel(), truth.ravel())[0, 1],
        "SIM": plain_sim(exact, truth.astype(np.float64)),
        "AUC-J": plain_auc_judd(exact, points),
        "s-AUC": plain_shuffled_area(scaled_at(exact, points), scaled_at(exact, others)),
        "KLD": plain_kld(exact, truth.astype(np.float64)),
    }
    for name in METRICS:
        near = {"abs": 1e-6, "rel": 3e-7} if name == "KLD" else {"abs": 1e-9}
        assert got[name][0] == pytest.approx(expected[name], **near), name


@pytest.mark.parametrize("kind", KINDS)
def test_single_metrics_are_the_columns_of_score_frames(kind):
    saliency, points, truth, others = example(3, kind=kind)
    row = [v[0] for v in score_frames(saliency[None], [points], truth[None], others).values()]
    on_points = nss(saliency, points), auc_judd(saliency, points), shuffled_auc(saliency, points, others)
    on_maps = cc(saliency, truth), sim(saliency, truth), kld(saliency, truth)
    assert row == [on_points[0], on_maps[0], on_maps[1], on_points[1], on_points[2], on_maps[2]]


def test_auc_judd_is_the_rank_statistic_and_half_a_step():
    # Without ties the trapezoid's slanted steps add fp_n / 2n to Mann and Whitney's U / n(N−n).
    saliency, points, *_ = example(5)
    mask = np.zeros((H, W), bool)
    mask[tuple(points.T)] = True
    hits, rest = saliency[mask], saliency[~mask]
    share = mannwhitneyu(hits, rest).statistic / (hits.size * rest.size)
    slant = (rest >= hits.min()).mean() / (2 * hits.size)
    assert auc_judd(saliency, mask) == pytest.approx(share + slant, abs=1e-12)


def test_auc_judd_by_hand():
    saliency = np.array([[9.0, 7.0], [5.0, 1.0]])
    assert auc_judd(saliency, np.array([[0, 0]])) == 1.0
    # tp 1 at fp 3/3: from (0, 0) to (1, 1)
    assert auc_judd(saliency, np.array([[1, 1]])) == 0.5
    # (0,0) (0,½) (½,1) (1,1)
    assert auc_judd(saliency, np.array([[0, 0], [1, 0]])) == pytest.approx(0.875)
    # Both fixations tie at 7: fp counts the second of them when the first is the threshold: (½,½) (0,1) (1,1)
    tied = np.array([[7.0, 7.0], [5.0, 1.0]])
    assert auc_judd(tied, np.array([[0, 0], [0, 1]])) == pytest.approx(0.125 - 0.375 + 1)


@pytest.mark.parametrize("kind", ["float64", "8-bit", "offset"])
@pytest.mark.parametrize(("n", "m"), [(30, 80), (80, 30), (1, 200)])
def test_closed_shuffled_auc_is_the_mean_of_the_draws(kind, n, m):
    saliency, points, _, others = example(7, n=n, m=m, kind=kind)
    hits, negatives = (np.array(scaled_at(saliency.astype(np.float64), p)) for p in (points, others))
    rng = np.random.default_rng(1)
    areas = [plain_shuffled_area(hits, rng.choice(negatives, min(n, m), replace=False)) for _ in range(2000)]
    error = np.std(areas) / np.sqrt(len(areas))
    closed = shuffled_auc(saliency, points, others)
    assert closed == pytest.approx(np.mean(areas), abs=4 * error + 1e-12)


def test_closed_shuffled_auc_equals_the_mean_over_every_possible_draw():
    saliency, points, _, others = example(11, n=3, m=7)
    hits, negatives = scaled_at(saliency, points), scaled_at(saliency, others)
    every = [plain_shuffled_area(hits, draw) for draw in combinations(negatives, 3)]
    assert np.ptp(every) > 0
    assert shuffled_auc(saliency, points, others) == pytest.approx(np.mean(every), abs=1e-12)


def test_shuffled_auc_keeps_the_last_threshold_and_the_tenths_of_8_bit_maps():
    saliency = np.array([[0, 255], [242, 153]], np.uint8)
    # Only the threshold 1.0 tells 1.0 from 0.949.
    assert shuffled_auc(saliency, np.array([[0, 1]]), np.array([[1, 0]])) == 1.0
    # 153/255 is 0.6 and counts as reaching it: tp 1, fp 0 at 0.6 although 6 · 0.1 > 0.6 in binary.
    assert shuffled_auc(saliency, np.array([[1, 1]]), np.array([[0, 0]])) == 1.0
    saliency[0, 0], saliency[1, 0] = 152, 0
    assert shuffled_auc(saliency, np.array([[1, 1]]), np.array([[0, 0]])) == 1.0


def test_perfect_and_opposite_predictions():
    _, points, truth, _ = example(2)
    assert cc(truth, truth) == pytest.approx(1)
    assert cc(255 - truth, truth) == pytest.approx(-1)
    assert sim(truth, truth) == pytest.approx(1)
    assert kld(truth, truth) == pytest.approx(0, abs=1e-7)
    assert auc_judd(truth, points) > 0.9
    assert nss(truth, points) > 1


def test_all_but_kld_ignore_shift_and_scale_of_the_prediction():
    saliency, points, truth, others = example(4)
    before, after = (
        score_frames(s[None], [points], truth[None], others) for s in (saliency, 3.5 * saliency - 2)
    )
    for name in set(METRICS) - {"KLD"}:
        assert after[name][0] == pytest.approx(before[name][0], abs=1e-9), name


def plain_sim_of_uniform(truth: np.ndarray) -> float:
    share = (truth - truth.min()) / (truth - truth.min()).sum()
    return float(np.minimum(share, 1 / share.size).sum())


NAN = float("nan")
CONSTANT, ZERO = np.full((H, W), 0.5), np.zeros((H, W))
UNIFORM_SIM = plain_sim_of_uniform(example(0)[2].astype(float))
UNIFORM_KLD = plain_kld(CONSTANT, example(0)[2].astype(float))
# The table in the module's docstring: expected (NSS, CC, SIM, AUC-J, s-AUC, KLD); None: regular, finite.
DEGENERATE = {
    "no fixation": ({"fixated": []}, (NAN, None, None, NAN, NAN, None)),
    "no other-fixation": ({"others": []}, (None, None, None, None, NAN, None)),
    "prediction constant": ({"saliency": CONSTANT}, (0, 0, UNIFORM_SIM, 0.5, 0.5, UNIFORM_KLD)),
    "prediction all zero": ({"saliency": ZERO}, (0, 0, 0, 0.5, 0.5, None)),
    "map constant": ({"truth": CONSTANT}, (None, NAN, NAN, None, None, None)),
    "map all zero": ({"truth": ZERO}, (None, NAN, 0, None, None, NAN)),
    "both all zero": ({"saliency": ZERO, "truth": ZERO}, (0, NAN, 0, 0.5, 0.5, NAN)),
    "constant and zero": ({"saliency": CONSTANT, "truth": ZERO}, (0, NAN, 0, 0.5, 0.5, NAN)),
    "zero and constant": ({"saliency": ZERO, "truth": CONSTANT}, (0, NAN, NAN, 0.5, 0.5, None)),
    "constant, no fixation": ({"saliency": CONSTANT, "fixated": []}, (NAN, 0, UNIFORM_SIM, NAN, NAN, None)),
    "constant, no other-fixation": (
        {"saliency": CONSTANT, "others": []},
        (0, 0, UNIFORM_SIM, 0.5, NAN, None),
    ),
    "constant, all fixated": (
        {"saliency": CONSTANT, "fixated": np.ones((H, W), bool)},
        (0, 0, UNIFORM_SIM, NAN, 0.5, None),
    ),
    "every pixel fixated": ({"fixated": np.ones((H, W), bool)}, (0, None, None, NAN, None, None)),
    "one fixation": ({"fixated": np.array([[3, 5]])}, (None,) * 6),
    "all fixations tied": ({"saliency": np.eye(H, W), "fixated": np.array([[1, 1], [2, 2]])}, (None,) * 6),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("score", [score_frames, batched])
@pytest.mark.parametrize("case", DEGENERATE)
def test_degenerate_cases(case, score):
    changes, expected = DEGENERATE[case]
    saliency, fixated, truth, others = example(0)
    given = {"saliency": saliency, "fixated": fixated, "truth": truth, "others": others} | changes
    got = score(given["saliency"][None], [given["fixated"]], given["truth"][None], [given["others"]])
    for name, value in zip(METRICS, expected, strict=True):
        if value is None:
            assert np.isfinite(got[name][0]), name
        else:
            assert got[name][0] == pytest.approx(value, abs=1e-6, nan_ok=True), name


def test_an_all_zero_prediction_is_punished_by_kld():
    *_, truth, _ = example(0)
    assert kld(ZERO, truth) > 20


def test_one_undefined_frame_leaves_the_others_alone():
    frames = [example(seed) for seed in range(3)]
    saliency, points, truth, others = (list(part) for part in zip(*frames, strict=True))
    whole = score_frames(np.stack(saliency), points, np.stack(truth), others)
    points[1] = np.empty((0, 2), int)
    broken = score_frames(np.stack(saliency), points, np.stack(truth), others)
    assert np.isnan(broken["NSS"]).tolist() == [False, True, False]
    np.testing.assert_array_equal(broken["NSS"][[0, 2]], whole["NSS"][[0, 2]])
    np.testing.assert_array_equal(broken["CC"], whole["CC"])


def test_masks_points_tensors_and_repeated_points_are_the_same_fixations():
    frames = [example(seed) for seed in range(2)]
    saliency, points, truth, _ = (list(part) for part in zip(*frames, strict=True))
    saliency, truth, others = np.stack(saliency), np.stack(truth), frames[0][3]
    masks = np.zeros((2, H, W), bool)
    for i in range(2):
        masks[i][tuple(points[i].T)] = True
    other_mask = np.zeros((H, W), bool)
    other_mask[tuple(others.T)] = True
    reference = score_frames(saliency, points, truth, others)
    tensors = [torch.from_numpy(a) for a in (saliency, masks, truth, other_mask)]
    for same in (
        score_frames(saliency, masks, truth, other_mask),
        score_frames(*tensors),
        score_frames(
            saliency, [np.repeat(p, 3, axis=0).astype(np.int16) for p in points], truth, [others] * 2
        ),
        score_frames(saliency, points, truth, np.stack([other_mask] * 2)),
    ):
        for name in METRICS:
            np.testing.assert_array_equal(same[name], reference[name])


def test_bfloat16_predictions_are_scored():
    saliency, points, truth, others = example(0)
    rounded = torch.from_numpy(saliency).bfloat16()[None]
    got = score_frames(rounded, [points], truth[None], others)
    same = score_frames(rounded.float().numpy(), [points], truth[None], others)
    assert {k: v[0] for k, v in got.items()} == {k: v[0] for k, v in same.items()}


def test_no_frames_give_empty_columns():
    got = score_frames(np.empty((0, H, W)), [], np.empty((0, H, W)), [])
    assert {name: column.shape for name, column in got.items()} == dict.fromkeys(METRICS, (0,))


def test_errors_name_the_frame_and_the_remedy():
    saliency, points, truth, others = example(0)
    two = np.stack([saliency] * 2), [points, points], np.stack([truth] * 2), others
    for y, x in [(H, 0), (0, W), (-1, 0), (0, -1)]:
        with pytest.raises(ValueError, match=rf"frame 1: .*\({y}, {x}\) outside the map \(36, 52\)"):
            score_frames(two[0], [points, np.array([[5, 5], [y, x]])], *two[2:])
    bad = two[0].copy()
    bad[1, 3, 3] = np.nan
    with pytest.raises(ValueError, match="frame 1: expected a finite map"):
        score_frames(bad, *two[1:])
    with pytest.raises(ValueError, match=r"resize the predictions"):
        score_frames(two[0][:, ::2], *two[1:])
    with pytest.raises(ValueError, match="expected fixations of 2 frames, found 1"):
        score_frames(two[0], [points], *two[2:])
    with pytest.raises(ValueError, match=r"frame 0: .*image > 0"):
        score_frames(two[0], np.zeros((2, H, W), np.uint8), *two[2:])
    with pytest.raises(ValueError, match=r"found float64 \(30, 2\)"):
        nss(saliency, points / 2)


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


def test_tensors_come_back_as_tensors():
    saliency, points, truth, others = example(0)
    got = score_frames(torch.from_numpy(saliency)[None], [points], torch.from_numpy(truth)[None], others)
    plain = score_frames(saliency[None], [points], truth[None], others)
    assert {name: column.dtype for name, column in got.items()} == dict.fromkeys(METRICS, torch.float64)
    assert {name: column.tolist() for name, column in got.items()} == {
        n: c.tolist() for n, c in plain.items()
    }
