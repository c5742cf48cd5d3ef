"""What processors and GPUs can do at most, as data, and which of them this machine has."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from manifests.problem import Problem, ProblemError, suggest


@dataclass(frozen=True)
class Device:
    """GPUs, or processor cores, of one kind.

    Attributes:
        name: as `--on` takes it; of an unknown GPU, its driver's.
        tflops: 10^12 floating-point operations per second of one; None for an unknown GPU.
        tb_per_s: 10^12 bytes per second to and from the memory of one; None where `tflops` is measured
            and has that in it.
        bfloat16: computes in bfloat16; else in float32, which moves twice the bytes.
        count: how many there are.
        unit: what there are `count` of: "GPU" or "core".
    """

    name: str
    tflops: float | None
    tb_per_s: float | None
    bfloat16: bool = True
    count: int = 1
    unit: str = "GPU"

    def hours(self, flops: float, bytes_per_flop: float | None) -> float | None:
        """Return the hours that one takes, at best for a GPU; None for one of which nothing is known.

        Args:
            flops: floating-point operations, 2 for a multiplication with an addition.
            bytes_per_flop: traffic with memory in bfloat16, for each of them; None if not known.
        """
        if self.tflops is None:
            return None
        seconds = flops / (self.tflops * 1e12)
        if self.tb_per_s is not None and bytes_per_flop is not None:
            traffic = flops * bytes_per_flop * (1 if self.bfloat16 else 2)
            seconds = max(seconds, traffic / (self.tb_per_s * 1e12))
        return seconds / 3600


# Peaks of the makers' data sheets: dense bfloat16 matrix products with float32 sums (float32 where there is
# no bfloat16), and memory bandwidth. No run exceeds them.
_GPUS = (
    Device("B200", 2250, 8.0),
    Device("H200", 989, 4.8),
    Device("H100", 989, 3.35),
    Device("H100-NVL", 835, 3.9),
    Device("H100-PCIe", 756, 2.0),
    Device("A100-80GB", 312, 2.039),
    Device("A100-40GB", 312, 1.555),
    Device("L40S", 362, 0.864),
    Device("L4", 121, 0.300),
    Device("A10G", 70, 0.600),
    Device("V100", 15.7, 0.900, bfloat16=False),
    Device("T4", 8.1, 0.320, bfloat16=False),
    Device("RTX-4090", 165, 1.008),
    Device("RTX-3090", 71, 0.936),
)
GPUS = {gpu.name: gpu for gpu in _GPUS}

# What NVIDIA's driver, Windows' and AMD's show of themselves where there is a GPU.
_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")

# Measured: training steps of HD2S on 2 and 8 clips of 16×128×192 in float32, 85 to 105 GFLOP/s a core on a
# server of 2024 with AVX-512. Only to tell hours from weeks: cores with narrower vectors are slower by far.
_CORE_TFLOPS = 0.09


def processor() -> Device:
    """Return this machine's processor cores."""
    return Device("CPU", _CORE_TFLOPS, None, bfloat16=False, count=os.cpu_count() or 1, unit="core")


def named(word: str) -> Device:
    """Return one GPU of a name, in upper or lower case, or this machine's cores for "cpu".

    Raises:
        ProblemError: the name is unknown.
    """
    known = GPUS | {"CPU": processor()}
    for name, device in known.items():
        if name.lower() == word.lower():
            return device
    raise ProblemError(Problem("--on", "a known device", repr(word), suggest(word, known)))


def present() -> Device:
    """Return this machine's GPUs, taken to be alike; its cores where it has none."""
    if not any(Path(file).exists() for file in _DRIVERS):
        return processor()
    import torch  # noqa: PLC0415 - seconds, that a machine without a GPU does without

    count = torch.cuda.device_count()
    return replace(recognise(torch.cuda.get_device_name(0)), count=count) if count else processor()


def recognise(driver_name: str) -> Device:
    """Return what is known of a GPU by the name that its driver gives."""
    words = _words(driver_name)
    fitting = [gpu for gpu in _GPUS if _words(gpu.name) <= words]
    # "H100-PCIe" says more than "H100".
    return max(fitting, key=lambda gpu: len(_words(gpu.name)), default=Device(driver_name, None, None))


def _words(name: str) -> set[str]:
    return set(re.split(r"[\s-]+", name.lower()))
