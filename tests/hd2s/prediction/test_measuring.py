"""What a model costs, measured: counts that are exact, and speeds that can be true."""

import time

import pytest
import torch

from grid.specs.plugins import load
from hd2s import build_model
from hd2s.prediction.measuring import device_name, measure
from tests.plugged import OURS


@pytest.fixture
def tiny():
    load([OURS])
    return build_model("tiny", seed=0)


@pytest.fixture
def cost(tiny):
    return measure(tiny, seconds=0.03)


def test_counts_are_the_models_own(tiny, cost):
    assert (cost.model, cost.title, cost.options["channels"]) == ("tiny", "Tiny", 8)
    assert (cost.frames, cost.height, cost.width) == (4, 32, 48)
    assert cost.parameters == sum(parameter.numel() for parameter in tiny.parameters())
    assert cost.size == 4 * sum(tensor.numel() for tensor in tiny.state_dict().values())
    assert cost.window_operations == cost.frame_operations > 0


def test_speeds_and_memory_are_those_of_this_machine(cost):
    assert cost.best >= cost.single > 0
    assert cost.batch in (1, 2, 4, 8, 16)
    assert cost.memory > cost.size
    assert cost.device == device_name("cpu")
    assert f"{torch.get_num_threads()} thread" in cost.device
    assert cost.versions["torch"] == torch.__version__


def test_a_slower_model_has_fewer_frames_a_second(tiny):
    forward = tiny.forward

    def slow(*given, **options):
        time.sleep(0.02)
        return forward(*given, **options)

    tiny.forward = slow
    found = measure(tiny, seconds=0.06)
    assert found.single < 50, "each waits for a fiftieth of a second"
    assert found.batch > 1, "which several at a time share"
