"""The energy of a training, as the drivers of its GPUs count it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import distributed


class EnergyMeter:
    """Counts what the GPU of this process uses, all that runs on it included.

    Args:
        device: that trains; what a processor uses is not told.
        before: joules that the training had used when it was interrupted.
    """

    def __init__(self, device: torch.device, before: float = 0.0) -> None:
        self._device, self._before, self._counter = device, before, _counter(device)
        self._began = self._counter()

    def joules(self) -> float:
        """Return what the training has used on the GPUs of all workers, who ask for it together."""
        since = torch.tensor(self._counter() - self._began, dtype=torch.float64, device=self._device)
        if distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(since)
        return self._before + since.item()


def _counter(device: torch.device) -> Callable[[], float]:
    """Return what reads the joules that a device has used since its driver was loaded; 0 if it cannot."""
    if device.type != "cuda":
        return lambda: 0.0
    import pynvml  # noqa: PLC0415 - for GPUs alone

    try:
        pynvml.nvmlInit()
        # The driver knows also those GPUs that this process does not see, and numbers them otherwise.
        gpu = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        pynvml.nvmlDeviceGetTotalEnergyConsumption(gpu)
    except pynvml.NVMLError:
        return lambda: 0.0
    return lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(gpu) / 1000
