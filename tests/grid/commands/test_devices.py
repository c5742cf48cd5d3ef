"""What is known of GPUs and processors."""

import pytest

import run_grid
from grid.commands.devices import GPUS, Device, named, present, processor, recognise
from manifests.problem import ProblemError


def test_time_is_bound_by_arithmetic_or_by_memory():
    fast_memory = Device("x", tflops=100, tb_per_s=1000)
    assert fast_memory.hours(36e16, 0.01) == pytest.approx(1.0)
    slow_memory = Device("x", tflops=100, tb_per_s=1)
    assert slow_memory.hours(36e16, 0.01) == pytest.approx(1.0)
    assert slow_memory.hours(36e16, 0.05) == pytest.approx(5.0)
    assert Device("x", 100, 1, bfloat16=False).hours(36e16, 0.05) == pytest.approx(10.0)
    assert Device("x", tflops=0.1, tb_per_s=None).hours(36e13, 0.05) == pytest.approx(1.0)


def test_nobody_knows_the_hours_of_an_unknown_gpu_nor_the_traffic_of_an_unmeasured_model():
    assert Device("x", tflops=None, tb_per_s=None).hours(1e12, 0.01) is None
    assert Device("x", tflops=100, tb_per_s=1).hours(36e16, None) == pytest.approx(1.0), "arithmetic alone"


@pytest.mark.parametrize(
    ("driver_name", "name"),
    [
        ("NVIDIA H200", "H200"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H100 PCIe", "H100-PCIe"),
        ("NVIDIA A100-SXM4-80GB", "A100-80GB"),
        ("NVIDIA A100-PCIE-40GB", "A100-40GB"),
        ("NVIDIA L4", "L4"),
        ("NVIDIA L40S", "L40S"),
        ("Tesla V100-SXM2-16GB", "V100"),
        ("Tesla T4", "T4"),
        ("NVIDIA GeForce RTX 4090", "RTX-4090"),
    ],
)
def test_gpus_are_known_by_their_drivers_names(driver_name, name):
    assert recognise(driver_name) == GPUS[name]


def test_a_machine_without_gpus_is_its_cores():
    assert processor().unit == "core"
    assert present().count >= 1


def test_a_device_is_named_in_any_case_and_a_wrong_one_corrected(capsys):
    assert named("rtx-3090") == GPUS["RTX-3090"]
    assert named("cpu").unit == "core"
    with pytest.raises(ProblemError, match=r"Did you mean H100\? Available: .*, CPU, H100, "):
        named("H10")
    assert run_grid.main(["--grid", "domain_shift", "--plan", "--on", "H10"]) == 2
    assert "Did you mean H100?" in capsys.readouterr().err
