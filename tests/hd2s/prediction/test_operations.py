"""Operations counted by shapes, against those worked out by hand of a model of two convolutions."""

import pytest

from grid.specs.plugins import load
from hd2s.models.registry import find_model, on_meta
from hd2s.prediction.operations import bytes_of, counter, frame_operations, window_operations
from tests.plugged import OURS


def tiny():
    load([OURS])
    return on_meta(find_model("tiny").model, {})


def test_a_window_is_counted_by_its_products():
    model, places = tiny(), {}
    for module in model.modules():
        if hasattr(module, "kernel_size"):
            module.register_forward_hook(lambda m, _, out: places.update({m: out[0, 0].numel()}))
    found = window_operations(model, None)
    assert len(places) == 2
    # Every weight of a convolution is multiplied, and added, at each place of what it gives.
    assert found == sum(2 * module.weight.numel() * n for module, n in places.items())


def test_a_model_without_a_stream_computes_a_whole_window_for_a_frame():
    assert frame_operations(tiny(), None) == window_operations(tiny(), None)


@pytest.mark.slow
def test_what_windows_share_is_counted_once():
    model = on_meta(find_model("hd2s").model, {"clip_length": 8, "height": 64, "width": 64})
    assert 0 < frame_operations(model, None) < window_operations(model, None)


def test_bytes_are_of_weights_and_buffers():
    model = tiny()
    assert bytes_of(model) == 4 * sum(tensor.numel() for tensor in model.state_dict().values())
    assert counter().get_total_flops() == 0
