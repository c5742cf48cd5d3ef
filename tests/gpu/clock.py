"""Time: a bound on how much of it something may take, and how often something can be done in it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import torch
from torch.autograd import grad_mode

_SOON = 0.01  # seconds


class OutOfTime(BaseException):
    """A part has used up its time; no `Exception`, which a library on the way might take for its own."""


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Raise OutOfTime after so many seconds, or once no context is being entered or left.

    Only in a process's main thread. In the midst of entering or leaving, what a context is to undo would
    stay: gradients were off in all parts that came after.
    """

    def ring(number: int, frame: FrameType | None) -> None:
        del number
        if _enters_or_leaves(frame):
            return
        # Again, as what is raised in a destructor or a callback is lost; not before all is left.
        signal.setitimer(signal.ITIMER_REAL, 1.0, _SOON)
        raise OutOfTime(f"not finished within its {seconds:.0f} s")

    handler, begun = signal.signal(signal.SIGALRM, ring), time.monotonic()
    outer, _ = signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), _SOON)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        # Whoever had set an alarm before, as a test runner does, gets what is left of it.
        left = max(outer - (time.monotonic() - begun), 0.001) if outer else 0
        signal.setitimer(signal.ITIMER_REAL, left)


def _enters_or_leaves(frame: FrameType | None) -> bool:
    """Whether a context is being entered or left, or gradients turned on or off by a call."""
    while frame is not None:
        code = frame.f_code
        if code.co_name in ("__enter__", "__exit__") or code.co_filename == grad_mode.__file__:
            return True
        frame = frame.f_back
    return False


def synchronise(device: torch.device) -> None:
    """Wait until a device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """Return the seconds that a piece of work takes."""
    synchronise(device)
    begun = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - begun


def per_second(work: Callable[[], object], device: torch.device, seconds: float) -> float:
    """Return how often a piece of work is done in a second, once it has been done before.

    Args:
        work: what is timed.
        device: where; it is waited for before and after all repetitions, not between them.
        seconds: to spend, about; 0 for a single repetition.
    """
    work()
    once = seconds_of(work, device)
    if not seconds:
        return 1 / once
    times = max(3, int(seconds / once))

    def repeated() -> None:
        for _ in range(times):
            work()

    return times / seconds_of(repeated, device)


def copy_rate(device: torch.device, size: int) -> float:
    """Return the bytes per second that a copy of `size` bytes within a device's memory reads and writes."""
    source = torch.empty(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    return 2 * size / min(seconds_of(lambda: target.copy_(source), device) for _ in range(10))
