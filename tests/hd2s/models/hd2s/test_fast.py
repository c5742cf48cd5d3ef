"""The fast way of prediction against the plain one, on weights under which every layer's values are O(1)."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from hd2s.approaches.learners.calibration import CalibratedModel
from hd2s.layers.folded import Casting, TimeConv
from hd2s.layers.initialisation import initialise
from hd2s.models.hd2s.fast import FastHD2S
from hd2s.prediction.predictor import Predictor
from tests.hd2s.models.small_models import DOMAINS, frames_of, predict_clip, trained_like

LENGTHS = [1, 5, 15, 16, 17, 30, 31, 32, 50]


def calibrated():
    model = CalibratedModel(trained_like.__wrapped__())
    initialise(model.calibration, 0)
    with torch.no_grad():
        for parameter in model.calibration.parameters():
            parameter.add_(0.05)
    return model


# Name → what is built, and the domain that is asked for.
VARIANTS = {
    "shared": (trained_like, None),
    "domains": (lambda: trained_like(domains=DOMAINS), "UCFSports"),
    "calibrated": (calibrated, None),
}


def both(model, frames, **options):
    return [
        predict_clip(model, frames, method=method, smoothing_sigma=None, **options)
        for method in ("plain", "fast")
    ]


@pytest.fixture(scope="module", params=VARIANTS)
def both_ways(request):
    """One model's plain and fast predictor, without the final smoothing, which could hide a difference."""
    build, domain = VARIANTS[request.param]
    model = build()
    return [Predictor(model, domain=domain, method=m, smoothing_sigma=None) for m in ("plain", "fast")]


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.slow
def test_fast_and_plain_are_equal(both_ways, n):
    frames = frames_of(n)
    plain, fast = (np.stack(list(predict(frames))) for predict in both_ways)
    assert fast.shape == (n, 32, 32)
    assert fast.dtype == np.float32
    assert np.ptp(plain) > 0.01
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("clip_length", [8, 24])
@pytest.mark.parametrize("n", [1, 9, 23, 30])
def test_other_clip_lengths(clip_length, n):
    plain, fast = both(trained_like(clip_length), frames_of(n))
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-5)


@pytest.mark.parametrize("batch", [1, 3, 50])
@pytest.mark.slow
def test_the_batch_changes_nothing(batch):
    same = [predict_clip(trained_like(), frames_of(25), batch=b) for b in (4, batch)]
    np.testing.assert_allclose(same[1], same[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("levels", [(1,), (2, 4)])
@pytest.mark.slow
def test_some_levels_only(levels):
    plain, fast = both(trained_like(conspicuity=levels), frames_of(18))
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-5)


@pytest.mark.parametrize("off", [{"priors": False}, {"batch_norm": False, "fusion": False}])
@pytest.mark.slow
def test_some_parts_of_domains_only(off):
    plain, fast = both(trained_like(domains=DOMAINS, **off), frames_of(17), domain="DHF1K")
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_each_domain_has_its_own_prediction():
    model, frames = trained_like(domains=DOMAINS), frames_of(17)
    one, other = (predict_clip(model, frames, domain=d) for d in ("DHF1K", "Hollywood2"))
    assert np.abs(one - other).max() > 1e-3
    with pytest.raises(ValueError, match="domain"):
        predict_clip(model, frames)


@pytest.mark.slow
def test_the_released_protocol_both_ways():
    plain, fast = both(trained_like(), frames_of(40), protocol="released")
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_a_stream_is_read_no_further_than_its_windows():
    read = 0

    def endless():
        nonlocal read
        for frame in np.tile(frames_of(10), (100, 1, 1, 1)):
            read += 1
            yield frame

    predictions = Predictor(trained_like(), batch=4)(endless())
    for _ in range(41):
        next(predictions)
    assert read <= 41 + 4
    assert torch.is_grad_enabled(), "inference mode must not leak out of a suspended generator"


@pytest.mark.slow
def test_shared_work_is_done_once():
    """13.3 instead of 22.0 GFLOP per window at 16×128×192; layers' shares are about the same at any size."""
    model, frames = trained_like().eval(), frames_of(48)
    with FlopCounterMode(display=False) as of_a_window:
        model(torch.zeros(1, 3, 16, 32, 32))
    push = Predictor(model).stream.begin()
    with FlopCounterMode(display=False) as of_the_clip, torch.inference_mode():
        pushed = [push(model.normalise(torch.from_numpy(frames[None, i : i + 16]))) for i in range(0, 48, 16)]
    assert [len(maps) for maps in pushed] == [1, 16, 16]
    assert of_the_clip.get_total_flops() < 0.68 * 33 * of_a_window.get_total_flops()


@pytest.mark.slow
def test_an_oblong_clip_in_batches_that_do_not_fit():
    """13 windows in pushes of 5: chunks of every length, and maps that are not squares."""
    plain, fast = both(trained_like(width=64), frames_of(28, (32, 64)), batch=5)
    np.testing.assert_allclose(fast, plain, atol=1e-5, rtol=0)


@pytest.mark.slow
def test_the_paper_s_size_is_predicted_alike():
    """Where positions can be divided into images for the convolutions that stand for products."""
    plain, fast = both(trained_like(8, height=128, width=192), frames_of(4, (128, 192)))
    np.testing.assert_allclose(fast, plain, atol=1e-5, rtol=0)


def test_taps_that_only_meet_padding_are_cut_off():
    cast = Casting(torch.device("cpu"), torch.float32, None)
    removals = FastHD2S(trained_like(), cast).decoders
    last = [decoder.removal[-1] for decoder in removals.values()]
    assert all(isinstance(layer, TimeConv) and layer.weight.shape[2] == 2 for layer in last)
    assert sum(layer.weight[:, :, 0].numel() for layer in last) == 192**2 + 480**2 + 832**2 + 1024**2


@pytest.mark.slow
def test_bfloat16_is_near():
    exact, rounded = (
        predict_clip(trained_like(), frames_of(20), precision=p) for p in ("float32", "bfloat16")
    )
    assert rounded.dtype == np.float32
    assert 0 < np.abs(rounded - exact).max() < 0.02


@pytest.mark.slow
def test_a_predictor_is_a_copy_of_the_weights():
    model, frames = trained_like.__wrapped__(), frames_of(3)
    predictor = Predictor(model)
    before = np.stack(list(predictor(frames)))
    with torch.no_grad():
        model.backbone.block1[0].spatial.conv.weight.zero_()
    np.testing.assert_array_equal(np.stack(list(predictor(frames))), before)
    assert model.training
