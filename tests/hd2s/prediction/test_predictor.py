from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import nn

from hd2s import build_model
from hd2s.prediction.predictor import (
    gaussian_smooth,
    iter_predictions,
    iter_windows,
    normalise,
    predict_clip,
    window_indices,
)

T = 16
SIZE = (6, 7)


@dataclass
class Output:
    saliency: torch.Tensor


class OrderSensitive(nn.Module):
    """A user's model that says which frames it saw, and in which order: Σ weight_k · (frame_k's value).

    The weights, 1/(k+1), tell every window of these clips from every other. Dropout shows a model left
    in training mode, and the second module a mode set for one part only.
    """

    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout(0.5)
        self.frozen = nn.Dropout(0.5).eval()
        self.batches: list[int] = []
        self.domains: list[str | None] = []

    def forward(self, clips, domain=None):
        self.batches.append(len(clips))
        self.domains.append(domain)
        assert clips.shape[1:3] == (3, T)
        assert clips.dtype == torch.float32
        assert not torch.is_grad_enabled()
        weights = 1 / torch.arange(1, T + 1)
        return Output(self.frozen(self.dropout(torch.einsum("bthw,t->bhw", clips[:, 0], weights))))


def clip_of(n: int, size=SIZE) -> np.ndarray:
    """Frame i is i everywhere, plus a spatial pattern; channels differ, so that their order shows."""
    pattern = np.arange(size[0] * size[1]).reshape(*size, 1) % 5
    return (np.arange(n)[:, None, None, None] + pattern + np.array([0, 90, 120])).astype(np.uint8)


def plainly_expected(frames: np.ndarray) -> np.ndarray:
    """The rule, written frame by frame: extend by reflection, pick the window, apply the model's sum."""
    n = len(frames)
    extended = np.pad(frames, ((0, 2 * T), (0, 0), (0, 0), (0, 0)), mode="reflect")
    maps = []
    for t in range(n):
        window = [frames[i] for i in range(t - T + 1, t + 1)] if t >= T - 1 else extended[t : t + T][::-1]
        maps.append(sum((2.0 * f[..., 0] - 255) / 255 / (k + 1) for k, f in enumerate(window)))
    return np.stack(maps)


@pytest.mark.parametrize("n", [1, 2, 5, 15, 16, 17, 30, 31, 32, 100])
def test_every_frame_is_predicted_from_its_own_window(n):
    frames = clip_of(n)
    maps = predict_clip(OrderSensitive(), frames, clip_length=T, batch=7, smoothing_sigma=None)
    assert maps.shape == (n, *SIZE)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, plainly_expected(frames), atol=1e-5)


def test_the_papers_windows():
    table = window_indices(40, T)
    assert table[15].tolist() == list(range(16))
    assert table[39].tolist() == list(range(24, 40))
    assert table[0].tolist() == list(range(15, -1, -1))
    assert table[14].tolist() == list(range(29, 13, -1))
    assert (table[:, -1] == np.arange(40)).all(), "every window ends at the frame it predicts"


def test_windows_of_short_clips_reflect_at_the_end():
    assert window_indices(1, 4).tolist() == [[0, 0, 0, 0]]
    assert window_indices(3, 4).tolist() == [[1, 2, 1, 0], [0, 1, 2, 1], [1, 0, 1, 2]]
    assert window_indices(5, 4).tolist() == [
        [3, 2, 1, 0],
        [4, 3, 2, 1],
        [3, 4, 3, 2],
        [0, 1, 2, 3],
        [1, 2, 3, 4],
    ]
    assert window_indices(3, 1).tolist() == [[0], [1], [2]]


@pytest.mark.parametrize("clip_length", [1, 2, 8])
@pytest.mark.parametrize("n", [1, 3, 7, 13, 14, 15, 16, 40])
def test_streamed_windows_are_those_of_the_table(n, clip_length):
    frames = clip_of(n)
    streamed = np.stack(list(iter_windows(iter(frames), clip_length)))
    np.testing.assert_array_equal(streamed, frames[window_indices(n, clip_length)])


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_the_batch_size_changes_nothing(batch):
    frames, model = clip_of(37), OrderSensitive()
    maps = predict_clip(model, frames, clip_length=T, batch=batch)
    np.testing.assert_allclose(
        maps, predict_clip(OrderSensitive(), frames, clip_length=T, batch=8), atol=1e-6
    )
    assert sum(model.batches) == 37
    assert max(model.batches) == min(batch, 37)


def test_an_array_an_iterator_and_a_list_are_the_same_clip():
    frames = clip_of(20)
    as_array = predict_clip(OrderSensitive(), frames, clip_length=T)
    np.testing.assert_array_equal(as_array, predict_clip(OrderSensitive(), iter(frames), clip_length=T))
    np.testing.assert_array_equal(as_array, predict_clip(OrderSensitive(), list(frames), clip_length=T))


def test_streaming_reads_no_further_than_it_must():
    read = 0

    def endless():
        nonlocal read
        while True:
            read += 1
            yield np.full((*SIZE, 3), read % 256, np.uint8)

    predictions = iter_predictions(OrderSensitive(), endless(), clip_length=T, batch=4)
    for _ in range(400):
        next(predictions)
    assert read <= 400 + 4  # batch boundary: 400 is one, so not even a batch ahead
    assert torch.is_grad_enabled(), "inference mode must not leak out of a suspended generator"


def test_the_domain_is_passed_on_only_when_given():
    model = OrderSensitive()
    predict_clip(model, clip_of(1), clip_length=T)
    predict_clip(model, clip_of(1), clip_length=T, domain="UCFSports")
    assert model.domains == [None, "UCFSports"]


@pytest.mark.parametrize("training", [True, False])
def test_every_module_gets_its_mode_back(training):
    model = OrderSensitive()
    model.train(training)
    model.frozen.eval()
    predict_clip(model, clip_of(3), clip_length=T)
    assert (model.training, model.dropout.training, model.frozen.training) == (training, training, False)


def test_the_mode_comes_back_after_a_failure():
    model = OrderSensitive()
    with pytest.raises(AssertionError):
        predict_clip(model, clip_of(3), clip_length=T + 1)
    assert model.training


def test_predictions_are_smoothed_by_the_papers_gaussian():
    frames = clip_of(18, size=(32, 48))
    raw = predict_clip(OrderSensitive(), frames, clip_length=T, smoothing_sigma=None)
    smooth = predict_clip(OrderSensitive(), frames, clip_length=T)
    np.testing.assert_allclose(smooth, [gaussian_filter(m, 5.0) for m in raw], atol=1e-6)
    assert np.abs(smooth - raw).max() > 1e-3


@pytest.mark.parametrize("sigma", [0.7, 5.0, 7.0])
@pytest.mark.parametrize("size", [(128, 192), (37, 20), (5, 1)])  # the last two narrower than the kernel
def test_smoothing_equals_scipys(sigma, size):
    maps = np.random.default_rng(0).random((3, *size), dtype=np.float32)
    expected = np.stack([gaussian_filter(m.astype(np.float64), sigma) for m in maps])
    np.testing.assert_allclose(gaussian_smooth(torch.from_numpy(maps), sigma), expected, atol=1e-6)


def test_smoothing_keeps_float32_under_autocast():
    maps = torch.rand(2, 20, 30)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        smooth = gaussian_smooth(maps, 2.0)
    torch.testing.assert_close(smooth, gaussian_smooth(maps, 2.0), rtol=0, atol=0)
    assert gaussian_smooth(maps.bfloat16(), 2.0).dtype == torch.float32


def test_normalise():
    clips = torch.randint(0, 256, (2, 4, 5, 6, 3), dtype=torch.uint8)
    out = normalise(clips)
    assert out.shape == (2, 3, 4, 5, 6)
    assert out.dtype == torch.float32
    assert out.is_contiguous(memory_format=torch.channels_last_3d)
    assert out[1, 2, 3, 4, 5] == pytest.approx((2 * int(clips[1, 3, 4, 5, 2]) - 255) / 255, abs=1e-7)
    extremes = normalise(torch.tensor([0, 255, 255], dtype=torch.uint8).view(1, 1, 1, 1, 3))
    assert extremes.flatten().tolist() == [-1, 1, 1]
    with pytest.raises(ValueError, match=r"uint8 \(B, T, H, W, 3\)"):
        normalise(clips.float())


def test_wrong_frames_are_named():
    frames = [*clip_of(3), clip_of(1, size=(6, 8))[0]]
    with pytest.raises(ValueError, match=r"frame 3: expected uint8 \(6, 7, 3\), found uint8 \(6, 8, 3\)"):
        predict_clip(OrderSensitive(), frames, clip_length=T)
    with pytest.raises(ValueError, match=r"frame 0: .*found float64"):
        predict_clip(OrderSensitive(), clip_of(3) / 255, clip_length=T)
    with pytest.raises(ValueError, match="at least one frame"):
        predict_clip(OrderSensitive(), [], clip_length=T)
    with pytest.raises(ValueError, match="batch"):
        predict_clip(OrderSensitive(), clip_of(3), clip_length=T, batch=0)
    with pytest.raises(ValueError, match="positive σ"):
        predict_clip(OrderSensitive(), clip_of(3), clip_length=T, smoothing_sigma=0)


def test_the_real_network_window_by_window():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = build_model("hd2s", clip_length=8, height=64, width=64)
    frames = np.random.default_rng(0).integers(0, 256, (11, 64, 64, 3), dtype=np.uint8)
    maps = predict_clip(model, frames, clip_length=8, batch=4)
    assert model.training
    model.eval()
    for t in (0, 6, 7, 10):
        window = (
            frames[t - 7 : t + 1]
            if t >= 7
            else np.pad(frames, ((0, 9), *[(0, 0)] * 3), "reflect")[t : t + 8][::-1]
        )
        with torch.no_grad():
            expected = model(normalise(torch.from_numpy(window.copy())[None])).saliency[0].numpy()
        np.testing.assert_allclose(maps[t], gaussian_filter(expected, 5.0), atol=1e-5)
    assert np.ptp(maps[10]) > 0
