import pytest
import torch

from hd2s import build_model
from hd2s.models.tased.config import AGGREGATIONS, LENGTHS, UPSAMPLINGS
from hd2s.models.tased.decoder import Interpolated
from tests.hd2s.models.tased.small_tased import SMALL


def steps_and_sizes(aggregation, clip_length):
    """Run the aggregation, and return (steps, height) after each of its layers."""
    options = {"aggregation": aggregation, "clip_length": clip_length}
    model = build_model("tased", seed=0, **SMALL | options).eval()
    x, seen = torch.randn(1, 192, clip_length // 8, 8, 16), []
    for layer in model.prediction.aggregation:
        x = layer(x)
        seen.append((x.shape[2], x.shape[3]))
    return seen


def test_the_orders_of_summing_up_time_and_doubling():
    """Fig. 4, where T = 32 leaves 4 steps; the released network sums twice between its two doublings."""
    assert steps_and_sizes("late", 32) == [(4, 16), (4, 32), (1, 32)]
    assert steps_and_sizes("early two-step", 32) == [(2, 8), (2, 16), (1, 16), (1, 32)]
    assert steps_and_sizes("late two-step", 32) == [(4, 16), (2, 16), (2, 32), (1, 32)]
    assert steps_and_sizes("released", 32) == [(4, 16), (2, 16), (2, 16), (1, 16), (1, 32)]


@pytest.mark.parametrize("clip_length", LENGTHS)
@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_every_length_ends_in_one_step(aggregation, clip_length):
    """p = 2 and q = T/16 (Sect. 3.2): at T = 48 the released code would drop one of three slices."""
    assert steps_and_sizes(aggregation, clip_length)[-1] == (1, 32)


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_a_map_of_full_size_in_every_variant(upsampling):
    model = build_model("tased", seed=0, **SMALL, upsampling=upsampling).eval()
    with torch.no_grad():
        found = model(torch.randn(2, 3, 16, 64, 96)).saliency
    assert found.shape == (2, 1, 64, 96)


def test_interpolation_leaves_time_alone():
    x = torch.arange(12.0).view(1, 1, 3, 2, 2)
    found = Interpolated()(x)
    expected = torch.nn.functional.interpolate(x[0, 0, :, None], scale_factor=2, mode="bilinear")
    torch.testing.assert_close(found[0, 0], expected[:, 0])
