"""What a model costs, measured: counts that are exact, and speeds that can be true."""

import time

import pytest
import torch

from grid.specs.plugins import load
from hd2s import build_model
from hd2s.prediction import measuring
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


def test_memory_is_that_of_the_gpu_that_is_measured(tiny, monkeypatch):
    asked = []

    def most(device=None):
        asked.append(str(device))
        return 5 if str(device) == "cuda:1" else 0

    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", most)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", most)
    monkeypatch.setattr(measuring, "Predictor", lambda *_, **__: None)
    monkeypatch.setattr(measuring, "_rate", lambda *_: 1.0)
    found = measuring._sizes(tiny, "cuda:1", "float32", None, 1.0)
    assert {size.memory for size in found} == {5}
    assert set(asked) == {"cuda:1"}


def test_other_gpus_of_the_machine_are_left_alone(tiny, monkeypatch):
    """Each was begun, with a warning of ten lines, by what keeps random numbers as they were."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: pytest.fail(f"GPU {device} is asked"))
    assert measure(tiny, seconds=0.03).best > 0


def test_any_device_is_tried_with_some_frames_at_a_time():
    assert [[*measuring._batches(device)][-1] for device in ("cuda:1", "cpu", "mps")] == [128, 16, 16]
