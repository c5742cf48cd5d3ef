from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from hd2s import build_model
from hd2s.models.contract import Prediction
from hd2s.prediction.predictor import Predictor, find_protocol
from tests.hd2s.models.small_models import DOMAINS, frames_of, predict_clip, trained_like
from tests.hd2s.models.toy_models import TOY, OrderSensitive, declared, weights

T = 16
SIZE = (6, 7)


def toy(**options):
    return declared(TOY, **options)


def clip_of(n: int, size=SIZE) -> np.ndarray:
    """Frame i is i everywhere, plus a spatial pattern; channels differ, so that their order shows."""
    pattern = np.arange(size[0] * size[1]).reshape(*size, 1) % 5
    return (np.arange(n)[:, None, None, None] + pattern + np.array([0, 90, 120])).astype(np.uint8)


def as_seen(frame):
    """What the toy looks at: the first channel, from −1 to 1."""
    return (2.0 * frame[..., 0] - 255) / 255


def plainly_expected(frames: np.ndarray, step: int = 1) -> np.ndarray:
    """The rule, written frame by frame: extend by reflection, pick the window, apply the model's sum."""
    extended = np.pad(frames, ((0, 2 * T * step), (0, 0), (0, 0), (0, 0)), mode="reflect")
    span, maps = (T - 1) * step + 1, []
    for t in range(len(frames)):
        ahead = extended[t : t + span : step][::-1]
        window = frames[t - span + 1 : t + 1 : step] if t >= span - 1 else ahead
        maps.append(sum(as_seen(f) / (k + 1) for k, f in enumerate(window)))
    return np.stack(maps)


@pytest.mark.parametrize("n", [1, 2, 5, 15, 16, 17, 30, 31, 32, 100])
def test_every_frame_is_predicted_from_its_own_window(n):
    frames = clip_of(n)
    maps = predict_clip(toy(), frames, batch=7, smoothing_sigma=None)
    assert maps.shape == (n, *SIZE)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, plainly_expected(frames), atol=1e-5)


@pytest.mark.parametrize("step", [2, 5])
@pytest.mark.parametrize("n", [1, 5, 30, 31, 32, 80])
def test_windows_may_have_a_step(n, step):
    maps = predict_clip(toy(step=step), clip_of(n), batch=7, smoothing_sigma=None)
    np.testing.assert_allclose(maps, plainly_expected(clip_of(n), step), atol=1e-5)


def every_answer(frames: np.ndarray, length: int, step: int) -> np.ndarray:
    """Block by block and phase by phase; each frame's map is its own window's answer in its own place."""
    table, maps = weights(TOY.config(frames=length, answers="every")).numpy(), []
    for start in range(0, len(frames), length * step):
        block = frames[start : start + length * step]
        extended = np.pad(block, ((0, length * step - len(block)), *[(0, 0)] * 3), mode="reflect")
        for i in range(len(block)):
            window = extended[i % step :: step]
            maps.append(sum(w * as_seen(f) for w, f in zip(table[i // step], window, strict=True)))
    return np.stack(maps)


@pytest.mark.parametrize(("length", "step"), [(4, 1), (4, 3), (6, 2), (1, 5)])
@pytest.mark.parametrize("n", [1, 2, 4, 11, 12, 13, 25])
def test_a_model_may_answer_every_frame_of_its_window(n, length, step):
    model = toy(frames=length, step=step, answers="every")
    maps = predict_clip(model, clip_of(n), smoothing_sigma=None)
    assert maps.shape == (n, *SIZE)
    np.testing.assert_allclose(maps, every_answer(clip_of(n), length, step), atol=1e-5)
    assert set(model.batches) == {step}


def middle_answers(frames: np.ndarray, length: int, step: int) -> np.ndarray:
    """Continue the clip by reflection at both ends, and apply the model's sum to each frame's window."""
    before, behind = length // 2 * step, (length - 1 - length // 2) * step
    extended = np.pad(frames, ((before, behind), *[(0, 0)] * 3), mode="reflect")
    shares = weights(TOY.config(frames=length, answers="middle")).numpy()[0]
    windows = (extended[t : t + before + behind + 1 : step] for t in range(len(frames)))
    return np.stack([sum(w * as_seen(f) for w, f in zip(shares, window, strict=True)) for window in windows])


@pytest.mark.parametrize("method", ["fast", "plain"])
@pytest.mark.parametrize(("length", "step"), [(5, 1), (4, 1), (5, 2), (4, 3), (2, 4), (1, 1), (1, 5)])
@pytest.mark.parametrize("n", [1, 2, 3, 6, 13, 40])
def test_a_model_may_answer_the_middle_frame_of_its_window(n, length, step, method):
    model = declared(replace(TOY, build=Windowed), frames=length, step=step, answers="middle").eval()
    maps = predict_clip(model, clip_of(n), batch=7, smoothing_sigma=None, method=method)
    assert maps.shape == (n, *SIZE)
    np.testing.assert_allclose(maps, middle_answers(clip_of(n), length, step), atol=1e-5)
    assert bool(model.begun) == (method == "fast")


@pytest.mark.parametrize("answers", ["last", "middle"])
def test_a_photograph_that_stands_alone_is_shown_so_to_a_model_with_a_fast_way_too(answers):
    """A stream was given as many frames as others have, and had another map than the plain way."""
    model = declared(replace(TOY, build=Windowed), frames=4, answers=answers, photograph="alone")
    fast, plain = (predict_clip(model, clip_of(1), method=m, smoothing_sigma=None) for m in ("fast", "plain"))
    np.testing.assert_array_equal(fast, plain)
    assert model.lengths == {1}


@pytest.mark.parametrize("answers", ["last", "middle", "every"])
def test_a_photograph_is_shown_as_the_model_says(answers):
    """Repeated, as often as a window has frames; alone, the model sees one frame."""
    frames = clip_of(1)
    for photograph, seen in (("repeated", 4), ("alone", 1)):
        model = toy(frames=4, step=3, answers=answers, photograph=photograph)
        maps = predict_clip(model, frames, smoothing_sigma=None)
        assert maps.shape == (1, *SIZE)
        shares = weights(TOY.config(frames=seen, answers=answers)).numpy()[0]
        np.testing.assert_allclose(maps[0], shares.sum() * as_seen(frames[0]), atol=1e-5)
        assert model.lengths == {seen}


def test_maps_of_every_frame_are_smoothed_as_others_are():
    model, frames = toy(frames=4, step=3, answers="every"), clip_of(20)
    smooth = predict_clip(model, frames)
    raw = predict_clip(model, frames, smoothing_sigma=None)
    np.testing.assert_allclose(smooth, [gaussian_filter(m, 5.0) for m in raw], atol=1e-6)


class Windowed(OrderSensitive):
    """As a stream, in evaluation mode, it keeps the frames of a window, and answers it when it is whole."""

    begun = 0

    def stream(self, cast):
        return self

    def begin(self, n_windows=None):
        self.begun += 1
        span, recent = self.config.input.span, []

        def push(frames):
            recent.extend(frames[0].unbind(1))
            starts = range(len(recent) - span + 1)
            windows = [torch.stack(recent[i : i + span : self.config.step], 1) for i in starts]
            del recent[: len(windows)]
            return self(torch.stack(windows)).saliency[:, 0] if windows else None

        return push


class Streamed(OrderSensitive):
    """Answers every frame with the frame alone, as windows and as a stream; says how it was pushed."""

    def __init__(self, config):
        super().__init__(config)
        self.pushed = []

    def forward(self, clips, domain=None, *, unlabelled=False):
        return Prediction(clips[:, 0])

    def stream(self, cast):
        return self

    def begin(self, n_windows=None):
        def push(frames):
            self.pushed.append(frames.shape[2])
            return frames[0, 0]

        return push


def test_a_stream_of_every_frame_is_read_as_it_comes():
    model = declared(replace(TOY, build=Streamed), frames=4, step=3, answers="every")
    fast, plain = (predict_clip(model, clip_of(20), method=m, batch=8) for m in ("fast", "plain"))
    np.testing.assert_allclose(fast, plain, atol=1e-6)
    assert model.pushed == [8, 8, 4]
    for wrong, said in ((clip_of(3) / 255, "frame 0: .*found float64"), ([], "at least one frame")):
        with pytest.raises(ValueError, match=said):
            list(Predictor(model)(wrong))


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_the_batch_size_changes_nothing(batch):
    frames, model = clip_of(37), toy()
    maps = predict_clip(model, frames, batch=batch)
    np.testing.assert_allclose(maps, predict_clip(toy(), frames, batch=8), atol=1e-6)
    assert sum(model.batches) == 37
    assert max(model.batches) == min(batch, 37)


def test_an_array_an_iterator_and_a_list_are_the_same_clip():
    frames = clip_of(20)
    as_array = predict_clip(toy(), frames)
    np.testing.assert_array_equal(as_array, predict_clip(toy(), iter(frames)))
    np.testing.assert_array_equal(as_array, predict_clip(toy(), list(frames)))


def test_streaming_reads_no_further_than_it_must():
    read = 0

    def endless():
        nonlocal read
        while True:
            read += 1
            yield np.full((*SIZE, 3), read % 256, np.uint8)

    predictions = Predictor(toy(), batch=4)(endless())
    for _ in range(400):
        next(predictions)
    assert read <= 400 + 4  # batch boundary: 400 is one, so not even a batch ahead
    assert torch.is_grad_enabled(), "inference mode must not leak out of a suspended generator"


def test_the_domain_is_passed_on():
    model = toy()
    predict_clip(model, clip_of(1))
    predict_clip(model, clip_of(1), domain="UCFSports")
    assert model.domains == [None, "UCFSports"]


@pytest.mark.parametrize("training", [True, False])
def test_every_module_gets_its_mode_back(training):
    model = toy()
    model.train(training)
    model.frozen.eval()
    predict_clip(model, clip_of(3))
    assert (model.training, model.dropout.training, model.frozen.training) == (training, training, False)


def test_the_mode_comes_back_after_a_failure():
    model = toy()
    model.fails = True
    with pytest.raises(AssertionError):
        predict_clip(model, clip_of(3))
    assert model.training


def test_predictions_are_smoothed_by_the_papers_gaussian():
    frames, model = clip_of(18, size=(32, 48)), toy(height=32, width=48)
    raw = predict_clip(model, frames, smoothing_sigma=None)
    smooth = predict_clip(model, frames)
    np.testing.assert_allclose(smooth, [gaussian_filter(m, 5.0) for m in raw], atol=1e-6)
    assert np.abs(smooth - raw).max() > 1e-3
    own = predict_clip(model, frames, smoothing_sigma=2.0)
    np.testing.assert_allclose(own, [gaussian_filter(m, 2.0) for m in raw], atol=1e-6)


def test_a_protocol_is_the_models_own():
    """The toy's released code: colours reversed at first, 8 bits before a Gaussian of 3 pixels."""
    frames = np.random.default_rng(0).integers(128, 256, (20, *SIZE, 3), dtype=np.uint8)
    found = predict_clip(toy(), frames, protocol="released")
    extended = np.pad(frames, ((0, T), *[(0, 0)] * 3), mode="reflect")
    for t in range(20):
        window = frames[t - T + 1 : t + 1] if t >= T - 1 else extended[t : t + T, ..., ::-1]
        raw = sum(as_seen(f) / (k + 1) for k, f in enumerate(window))
        np.testing.assert_allclose(found[t], gaussian_filter(np.floor(raw * 255) / 255, 3.0), atol=5e-4)
    assert find_protocol(TOY.prediction, "released") is TOY.prediction["released"]


@pytest.mark.parametrize("n", [1, 5, 20, 31, 40])
def test_a_short_clip_is_predicted_as_the_one_that_it_repeated_makes(n):
    frames = clip_of(n)
    found = predict_clip(toy(), frames, smoothing_sigma=None, instead={"short_clips": "looped"}, batch=7)
    repeated = np.concatenate([frames] * 31)[: max(n, 2 * T - 1)]
    np.testing.assert_allclose(found, plainly_expected(repeated)[:n], atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("short_clips", "n"), [("looped", 3), ("last window", 18)])
def test_both_ways_predict_a_short_clip_alike(short_clips, n):
    model, frames = trained_like(), frames_of(n)
    for head in ("time reversed", "colours reversed"):
        usual = {"smoothing_sigma": None, "instead": {"head": head}}
        other = {"smoothing_sigma": None, "instead": {"head": head, "short_clips": short_clips}}
        fast, plain = (predict_clip(model, frames, method=method, **other) for method in ("fast", "plain"))
        np.testing.assert_allclose(fast, plain, atol=1e-5)
        assert np.abs(fast - predict_clip(model, frames, **usual)).max() > 1e-4


@pytest.mark.slow
def test_learned_smoothing_is_not_smoothed_again():
    for options, domain, learned in (({}, None, False), ({"domains": DOMAINS}, "UCFSports", True)):
        model, frames = trained_like(**options), frames_of(2)
        default, none = (
            predict_clip(model, frames, domain=domain, **o) for o in ({}, {"smoothing_sigma": None})
        )
        assert np.array_equal(default, none) == learned
    assert Predictor(toy(learnt=True)).sigma is None
    assert Predictor(toy(learnt=True), smoothing_sigma=2.0).sigma == 2.0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"method": "fats"}, "Unknown method fats. Did you mean fast?"),
        ({"precision": "float16"}, "Unknown precision float16"),
        ({"protocol": "papers"}, "Unknown protocol papers. Did you mean paper?"),
        ({"method": "plain", "precision": "bfloat16"}, "needs a model's fast way"),
        ({"batch": 0}, "at least one window, found 0"),
    ],
)
@pytest.mark.slow
def test_options_that_are_not_allowed(wrong, message):
    with pytest.raises(ValueError, match=message):
        Predictor(trained_like(), **wrong)


def test_a_model_without_a_fast_way_is_predicted_the_plain_way_in_full_precision():
    fast, plain = (predict_clip(toy(), clip_of(20), method=method) for method in ("fast", "plain"))
    np.testing.assert_array_equal(fast, plain)
    with pytest.raises(ValueError, match="precision bfloat16 needs a model's fast way"):
        Predictor(toy(), precision="bfloat16")


def test_wrong_frames_are_named():
    frames = [*clip_of(3), clip_of(1, size=(6, 8))[0]]
    with pytest.raises(ValueError, match=r"frame 3: expected uint8 \(6, 7, 3\), found uint8 \(6, 8, 3\)"):
        predict_clip(toy(), frames)
    with pytest.raises(ValueError, match=r"frame 0: .*found float64"):
        predict_clip(toy(), clip_of(3) / 255)
    with pytest.raises(ValueError, match="at least one frame"):
        predict_clip(toy(), [])
    with pytest.raises(ValueError, match="positive σ"):
        predict_clip(toy(), clip_of(3), smoothing_sigma=0)


@pytest.mark.slow
def test_the_real_network_window_by_window():
    torch.manual_seed(0)
    model = build_model("hd2s", clip_length=8, height=64, width=64)
    frames = np.random.default_rng(0).integers(0, 256, (11, 64, 64, 3), dtype=np.uint8)
    maps = predict_clip(model, frames, batch=4)
    assert model.training
    model.eval()
    for t in (0, 6, 7, 10):
        window = (
            frames[t - 7 : t + 1]
            if t >= 7
            else np.pad(frames, ((0, 9), *[(0, 0)] * 3), "reflect")[t : t + 8][::-1]
        )
        with torch.no_grad():
            clip = model.normalise(torch.from_numpy(window.copy())[None])
            expected = model(clip).saliency[0, 0].numpy()
        np.testing.assert_allclose(maps[t], gaussian_filter(expected, 5.0), atol=1e-5)
    assert np.ptp(maps[10]) > 0


def test_the_maps_of_whole_windows_are_those_of_the_clip_without_its_beginning():
    firsts = {"last": 9, "middle": 6, "every": 0}
    for answers, first in firsts.items():
        model = toy(frames=4, step=3, answers=answers)
        maps = list(Predictor(model, batch=8).whole_windows(clip_of(40)))
        np.testing.assert_array_equal(maps, predict_clip(model, clip_of(40), batch=8)[first:])


def test_so_they_are_of_a_stream_around_the_middle_frame():
    model = declared(replace(TOY, build=Windowed), frames=4, step=3, answers="middle").eval()
    maps = list(Predictor(model, batch=8).whole_windows(clip_of(40)))
    np.testing.assert_allclose(maps, predict_clip(model, clip_of(40), method="plain")[6:], atol=1e-6)


@pytest.mark.slow
def test_so_they_are_of_a_models_fast_way():
    model = build_model("hd2s", seed=0, clip_length=8, height=64, width=64).eval()
    frames = np.random.default_rng(0).integers(0, 256, (13, 64, 64, 3), dtype=np.uint8)
    maps = list(Predictor(model, batch=4).whole_windows(frames))
    np.testing.assert_allclose(maps, predict_clip(model, frames)[7:], atol=1e-5)


@pytest.mark.parametrize("n", [3, 8, 30])
def test_inner_maps_are_those_of_the_whole_model_beside_the_saliency_map(n):
    model, frames = trained_like(clip_length=8, height=32, width=32), frames_of(n)
    found = list(Predictor(model, batch=3).inner_maps(frames))
    np.testing.assert_allclose([saliency for saliency, _ in found], predict_clip(model, frames), atol=1e-5)
    assert list(found[0][1]) == [f"conspicuity_{level}" for level in (1, 2, 3, 4)]
    fused = model.fuse(torch.tensor(np.stack(list(found[-1][1].values())))[None], None)
    plain = Predictor(model, smoothing_sigma=None, method="plain")
    np.testing.assert_allclose(fused[0].detach(), list(plain(frames))[-1], atol=1e-6)


@pytest.mark.parametrize(
    "options", [{}, *({"frames": 4, "step": 3, "answers": answers} for answers in ("middle", "every"))]
)
@pytest.mark.parametrize("first", [0, 5, 12, 29])
def test_inner_maps_may_begin_at_a_frame(options, first):
    predictor, frames = Predictor(toy(**options), batch=7), clip_of(30)
    found = [saliency for saliency, _ in predictor.inner_maps(frames, first)]
    np.testing.assert_allclose(found, list(predictor(frames))[first:], atol=1e-6)
