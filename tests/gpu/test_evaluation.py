"""Evaluations at once, without a GPU and without evaluations."""

import math
import multiprocessing
import time

import pytest

from tests.gpu import evaluation
from tests.gpu.clock import OutOfTime, bounded


@pytest.mark.slow
def test_processes_begin_at_once_and_end_with_what_each_returns():
    begun = evaluation.in_processes(math.floor)
    assert len(begun) == evaluation.TOGETHER
    assert len(set(begun)) == 1


@pytest.mark.slow
def test_processes_do_not_outlast_the_time_of_their_part():
    begun = time.monotonic()
    with pytest.raises(OutOfTime), bounded(1.0):
        evaluation.in_processes(time.sleep)  # until the moment's number of seconds is over: years
    assert time.monotonic() - begun < 15
    assert multiprocessing.active_children() == []
