"""A bound on time leaves nothing behind."""

import time
from contextlib import contextmanager

import pytest
import torch

from tests.gpu.clock import OutOfTime, bounded


@contextmanager
def slow(told):
    """Take longer to enter and to leave than there is time."""
    deadline = time.monotonic() + 0.15
    while time.monotonic() < deadline:
        time.sleep(0.001)
    told.append("entered")
    try:
        yield
    finally:
        deadline = time.monotonic() + 0.15
        while time.monotonic() < deadline:
            time.sleep(0.001)
        told.append("left")


def test_it_ends_what_is_done_and_no_context_that_is_being_entered_or_left():
    told = []
    with pytest.raises(OutOfTime, match="not finished within its 0 s"), bounded(0.05), slow(told):
        told.append("inside")
        time.sleep(10)
    assert told == ["entered", "inside", "left"]


def test_it_leaves_gradients_on():
    """Twenty times in the midst of turning them off and on."""

    def off_and_on():
        while True:
            with torch.no_grad():
                pass

    for _ in range(20):
        with pytest.raises(OutOfTime), bounded(0.01):
            off_and_on()
        assert torch.is_grad_enabled()


def test_what_ends_in_time_hears_nothing_later():
    with bounded(0.05):
        pass
    time.sleep(0.1)
