"""Energy as a driver counts it; its library is replaced where there is no GPU that could be asked."""

import types

import pynvml
import pytest
import torch

from grid.training.energy import EnergyMeter

ASKED = "0a1b"


@pytest.fixture
def driver(monkeypatch):
    """Let the process see one GPU whose driver counts millijoules."""
    found = types.SimpleNamespace(millijoules=5_000_000, fails=False)

    def told(handle):
        assert handle == f"GPU-{ASKED}"
        if found.fails:
            raise pynvml.NVMLError_NotSupported
        return found.millijoules

    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByUUID", lambda uuid: uuid)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetTotalEnergyConsumption", told)
    properties = types.SimpleNamespace(uuid=ASKED)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    # Sums over workers are made on the device.
    tensor = torch.tensor
    monkeypatch.setattr(torch, "tensor", lambda value, dtype, device: tensor(value, dtype=dtype))
    return found


def test_what_was_used_since_and_before_is_told_in_joules(driver):
    meter = EnergyMeter(torch.device("cuda"), before=100.0)
    driver.millijoules += 2_500
    assert meter.joules() == 102.5
    driver.millijoules += 1_000
    assert meter.joules() == 103.5


def test_a_driver_that_cannot_tell_keeps_no_training_from_running(driver):
    driver.fails = True
    assert EnergyMeter(torch.device("cuda"), before=3.0).joules() == 3.0


def test_of_a_processor_nothing_is_told():
    assert EnergyMeter(torch.device("cpu")).joules() == 0.0
