"""What records the kernels of some work as a CUDA graph, and what is left where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import torch


class Recorder(Protocol):
    """What records the kernels of some work."""

    def warm_up(self, work: Callable[[], Any]) -> None:
        """Do the work where it will be recorded."""

    def record(self, work: Callable[[], Any]) -> Callable[[], None]:
        """Return what repeats the work on the same memory; whether it is done by this as well is open."""


class CudaGraphs:
    """Records CUDA graphs, which share their memory: one runs at a time, and none reads what another left."""

    def __init__(self, device: torch.device):
        self._device, self._stream = device, torch.cuda.Stream(device)
        self._pool = torch.cuda.graph_pool_handle()

    def warm_up(self, work: Callable[[], Any]) -> None:
        """Do the work on the stream that is recorded later, where gradients are then added up, too."""
        # Of its device, which need not be the process' current one.
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            work()
        current.wait_stream(self._stream)

    def record(self, work: Callable[[], Any]) -> Callable[[], None]:
        """Record the work without doing it."""
        graph, before = torch.cuda.CUDAGraph(), torch.cuda.current_stream(self._device)
        try:
            # Threads that read clips ahead may pin memory meanwhile: what they ask of CUDA is not this one's.
            with torch.cuda.graph(
                graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
            ):
                work()
        except RuntimeError:
            self._leave(before)
            raise
        return graph.replay

    def _leave(self, before: torch.cuda.Stream) -> None:
        """Leave a recording that an operation has broken: PyTorch raises instead of ending it.

        The thread would stay on the recording's stream, the allocator would give no memory back any more,
        and dropout would refuse to draw. What was recorded before draws from the generator's old state.
        """
        torch.cuda.set_stream(before)
        device = before.device_index
        with suppress(RuntimeError):  # it has ended: memory was short, say
            torch._C._cuda_endAllocateToPool(device, self._pool)
        self._pool = torch.cuda.graph_pool_handle()
        generator = torch.cuda.default_generators[device]
        generator.graphsafe_set_state(generator.clone_state())
