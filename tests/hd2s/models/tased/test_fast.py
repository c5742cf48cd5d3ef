"""The fast way of prediction against the plain one; what differs are near ties of maxima."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from hd2s import build_model
from hd2s.layers.folded import Casting
from hd2s.models.tased.config import AGGREGATIONS, UPSAMPLINGS
from hd2s.models.tased.fast import FastTased
from tests.hd2s.models.small_models import frames_of, predict_clip, settle
from tests.hd2s.models.tased.small_tased import SMALL, released

SIZE = (SMALL["height"], SMALL["width"])


def both(model, n, **options):
    return [
        predict_clip(model, frames_of(n, SIZE), method=method, smoothing_sigma=None, **options)
        for method in ("plain", "fast")
    ]


def alike(plain, fast):
    assert plain.shape == fast.shape
    assert np.median(abs(plain - fast)) < 1e-6
    assert np.corrcoef(plain.ravel(), fast.ravel())[0, 1] > 0.999


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 15, 16, 17, 40])
def test_fast_and_plain_are_equal(n):
    plain, fast = both(released()[0], n, batch=4)
    assert fast.shape == (n, *SIZE)
    assert np.ptp(plain) > 0.1
    alike(plain, fast)


@pytest.mark.slow
@pytest.mark.parametrize("clip_length", [32, 48])
def test_at_other_lengths(clip_length):
    alike(*both(released(clip_length=clip_length)[0], 3))


@pytest.mark.slow
@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_in_every_variant(aggregation, upsampling):
    options = {"aggregation": aggregation, "upsampling": upsampling}
    plain, fast = both(settle(build_model("tased", seed=0, **SMALL, **options)), 3)
    assert np.ptp(plain) > 0.1
    alike(plain, fast)


@pytest.mark.slow
@torch.inference_mode()
def test_shared_work_is_done_once():
    """At the paper's size a window on the plain way takes 157 GFLOP; here shares of it, a frame."""
    model = released(clip_length=32)[0].eval()
    given = model.normalise(torch.from_numpy(frames_of(48, SIZE)[None]))
    with FlopCounterMode(display=False) as plain:
        model(given[:, :, :32])
    push = FastTased(model, Casting(torch.device("cpu"), torch.float32, None)).begin()
    push(given[:, :, :40])
    with FlopCounterMode(display=False) as fast:
        assert len(push(given[:, :, 40:])) == 8
    assert fast.get_total_flops() / 8 < 0.66 * plain.get_total_flops()
