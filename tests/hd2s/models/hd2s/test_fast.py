"""The fast way of prediction against the plain one, on weights under which every layer's values are O(1)."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.flop_counter import FlopCounterMode

from hd2s import build_model
from hd2s.layers.folded import Casting, FoldedHD2S, TimeConv, maximum_of_neighbours
from hd2s.layers.s3d_stream import FirstBlocks, Sweep, kinds
from hd2s.prediction.predictor import Predictor, normalise, predict_clip

VARIANTS = ["hd2s", "hd2s_da", "hd2s_dsl", "hd2s_calibrated"]
LENGTHS = [1, 5, 15, 16, 17, 30, 31, 32, 100]


@cache
def trained_like(name: str, clip_length: int = 16, **options) -> nn.Module:
    """Build a model with batch norm statistics far from their initial values, different in each domain."""
    model = build_model(name, seed=0, **{"clip_length": clip_length, "height": 32, "width": 32, **options})
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                for entry, low, high in (
                    (module.weight, 0.8, 1.2),
                    (module.bias, -0.2, 0.2),
                    (module.running_mean, -0.2, 0.2),
                    (module.running_var, 0.5, 1.5),
                ):
                    entry.uniform_(low, high, generator=generator)
            elif isinstance(module, (nn.Conv2d, nn.Conv3d)):
                fan_in = math.prod(module.weight.shape[1:])
                module.weight.normal_(0, (2 / fan_in) ** 0.5, generator=generator)
    return model


def clip_of(n: int, size=(32, 32)) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *size, 3), dtype=np.uint8)


def options(name: str, **others) -> dict:
    return {"clip_length": 16, "domain": "UCFSports" if name == "hd2s_dsl" else None, **others}


@pytest.fixture(scope="module", params=VARIANTS)
def both_ways(request):
    """One model's plain and fast predictor, without the final smoothing, which could hide a difference."""
    model = trained_like(request.param)
    return [
        Predictor(model, **options(request.param, method=m, smoothing_sigma=None)) for m in ("plain", "fast")
    ]


@pytest.mark.parametrize("n", LENGTHS)
def test_fast_and_plain_are_equal(both_ways, n):
    frames = clip_of(n)
    plain, fast = (np.stack(list(predict(frames))) for predict in both_ways)
    assert fast.shape == (n, 32, 32)
    assert fast.dtype == np.float32
    assert np.ptp(plain) > 0.01
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-5)


@pytest.mark.parametrize("clip_length", [8, 24])
@pytest.mark.parametrize("n", [1, 9, 23, 30])
def test_other_clip_lengths(clip_length, n):
    model, frames = trained_like("hd2s", clip_length), clip_of(n)
    plain, fast = (
        predict_clip(model, frames, clip_length=clip_length, method=method, smoothing_sigma=None)
        for method in ("plain", "fast")
    )
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-5)


@pytest.mark.parametrize("batch", [1, 3, 50])
def test_the_batch_changes_nothing(batch):
    model, frames = trained_like("hd2s"), clip_of(25)
    same = [predict_clip(model, frames, clip_length=16, batch=b) for b in (4, batch)]
    np.testing.assert_allclose(same[1], same[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("levels", [(1,), (2, 4)])
def test_some_levels_only(levels):
    model, frames = trained_like("hd2s", conspicuity=levels), clip_of(18)
    plain, fast = (predict_clip(model, frames, clip_length=16, method=m) for m in ("plain", "fast"))
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-5)


def test_each_domain_has_its_own_prediction():
    model, frames = trained_like("hd2s_dsl"), clip_of(17)
    one, other = (predict_clip(model, frames, clip_length=16, domain=d) for d in ("DHF1K", "Hollywood2"))
    assert np.abs(one - other).max() > 1e-3
    with pytest.raises(ValueError, match="domain"):
        predict_clip(model, frames, clip_length=16)


def test_the_released_protocol_both_ways():
    model, frames = trained_like("hd2s"), clip_of(40)
    plain, fast = (
        predict_clip(model, frames, clip_length=16, method=m, protocol="released", smoothing_sigma=None)
        for m in ("plain", "fast")
    )
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-5)


def test_a_stream_is_read_no_further_than_its_windows():
    read = 0

    def endless():
        nonlocal read
        for frame in np.tile(clip_of(10), (100, 1, 1, 1)):
            read += 1
            yield frame

    predictions = Predictor(trained_like("hd2s"), clip_length=16, batch=4)(endless())
    for _ in range(41):
        next(predictions)
    assert read <= 41 + 4
    assert torch.is_grad_enabled(), "inference mode must not leak out of a suspended generator"


def test_what_a_sweep_remembers_does_not_grow():
    model = trained_like("hd2s")
    cast = Casting(torch.device("cpu"), torch.float32, None)
    sweep, sizes = Sweep(FirstBlocks(model, cast)), []
    with torch.inference_mode():
        for _ in range(20):
            sweep.push(normalise(torch.from_numpy(clip_of(4)[None]))[0].permute(1, 2, 3, 0))
            tracks = [sweep._spatial, *sweep._segments, *sweep._terms.values()]
            sizes.append(sum(len(data) for track in tracks for _, data in track._pieces))
            sizes[-1] += len(sweep._done)
    assert sizes[10] == sizes[-1]


def test_windows_differ_at_their_ends_only():
    assert len(set(kinds(8))) == 6
    assert kinds(16)[3:13] == [kinds(8)[3]] * 10
    assert [kinds(8)[j] for j in (0, 1, 2, 6, 7)] == [kinds(16)[j] for j in (0, 1, 2, 14, 15)]


def test_shared_work_is_done_once():
    """13.3 instead of 22.0 GFLOP per window at 16×128×192; layers' shares are about the same at any size."""
    model, frames = trained_like("hd2s").eval(), clip_of(48)
    windows = torch.zeros(1, 3, 16, 32, 32)
    with FlopCounterMode(display=False) as of_a_window:
        model(windows)
    predictor = Predictor(model, clip_length=16, smoothing_sigma=None)
    with FlopCounterMode(display=False) as of_the_clip:
        assert sum(1 for _ in predictor._sweep(frames)) == 33
    assert of_the_clip.get_total_flops() < 0.68 * 33 * of_a_window.get_total_flops()


def test_an_oblong_clip_in_batches_that_do_not_fit():
    """13 windows in pushes of 5: chunks of every length, and maps that are not squares."""
    model, frames = trained_like("hd2s", width=64), clip_of(28, size=(32, 64))
    plain, fast = (
        predict_clip(model, frames, clip_length=16, method=way, batch=5, smoothing_sigma=None)
        for way in ("plain", "fast")
    )
    np.testing.assert_allclose(fast, plain, atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", [(2, 8, 6, 4, 5), (1, 1, 3, 2, 4), (1, 2, 1, 1, 3)])
def test_maxima_of_neighbours_are_those_of_pooling(shape):
    x = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    expected = F.max_pool3d(x.permute(0, 4, 1, 2, 3), 3, 1, 1).permute(0, 2, 3, 4, 1)
    assert torch.equal(maximum_of_neighbours(x), expected)


def test_the_paper_s_size_is_predicted_alike():
    """Where maps are small enough for one product and large enough for convolutions."""
    model, frames = trained_like("hd2s", height=128, width=192), clip_of(18, size=(128, 192))
    plain, fast = (
        predict_clip(model, frames, clip_length=16, method=way, smoothing_sigma=None)
        for way in ("plain", "fast")
    )
    np.testing.assert_allclose(fast, plain, atol=1e-5, rtol=0)


def test_taps_that_only_meet_padding_are_cut_off():
    model = trained_like("hd2s")
    cast = Casting(torch.device("cpu"), torch.float32, None)
    removals = FoldedHD2S(model, cast).decoders
    last = [decoder.removal[-1] for decoder in removals.values()]
    assert all(isinstance(layer, TimeConv) and layer.weight.shape[2] == 2 for layer in last)
    assert sum(layer.weight[:, :, 0].numel() for layer in last) == 192**2 + 480**2 + 832**2 + 1024**2


def test_bfloat16_is_near():
    model, frames = trained_like("hd2s"), clip_of(20)
    exact, rounded = (
        predict_clip(model, frames, clip_length=16, precision=p) for p in ("float32", "bfloat16")
    )
    assert rounded.dtype == np.float32
    assert 0 < np.abs(rounded - exact).max() < 0.02


def test_a_predictor_is_a_copy_of_the_weights():
    model, frames = trained_like.__wrapped__("hd2s"), clip_of(3)
    predictor = Predictor(model, clip_length=16)
    before = np.stack(list(predictor(frames)))
    with torch.no_grad():
        model.backbone.block1[0].spatial.conv.weight.zero_()
    np.testing.assert_array_equal(np.stack(list(predictor(frames))), before)
    assert model.training


def test_learned_smoothing_is_not_smoothed_again():
    frames = clip_of(2)
    for name, learned in (("hd2s", False), ("hd2s_dsl", True)):
        model = trained_like(name)
        default, none = (
            predict_clip(model, frames, **options(name, **o)) for o in ({}, {"smoothing_sigma": None})
        )
        assert np.array_equal(default, none) == learned


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"method": "fats"}, "Unknown method fats. Did you mean fast?"),
        ({"precision": "float16"}, "Unknown precision float16"),
        ({"protocol": "papers"}, "Unknown protocol papers. Did you mean paper?"),
        ({"method": "plain", "precision": "bfloat16"}, "needs the fast method"),
        ({"clip_length": 8}, "takes clips of 16 frames, not 8"),
    ],
)
def test_options_that_are_not_allowed(wrong, message):
    with pytest.raises(ValueError, match=message):
        Predictor(trained_like("hd2s"), **options("hd2s", **wrong))
