"""Work shared out over processes that may die: every item comes back once, with its result or its failure."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from datasets.worker_pool import run
from tests.places import REPOSITORY


def square(item):
    if item == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if item == "segfault":
        signal.raise_signal(signal.SIGSEGV)
    if item == "exit":
        os._exit(7)
    if item == "raise":
        raise ValueError("not a number")
    if item == "unsendable":
        return threading.Lock()
    return item * item


@pytest.mark.parametrize("workers", [1, 3])
def test_every_item_comes_back_with_its_result(workers):
    results = {done.item: (done.value, done.failure) for done in run(square, range(50), workers=workers)}
    assert results == {item: (item * item, "") for item in range(50)}
    assert list(run(square, [], workers=workers)) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_is_its_items_failure_and_no_others(workers):
    results = {
        done.item: (done.value, done.failure) for done in run(square, [1, "raise", 2], workers=workers)
    }
    assert results == {1: (1, ""), 2: (4, ""), "raise": (None, "ValueError: not a number")}


@pytest.mark.slow
def test_items_that_kill_their_process_are_named_and_the_others_done():
    items = ["segfault", *range(10), "kill", *range(10, 20), "exit", "unsendable"]
    results = {done.item: (done.value, done.failure) for done in run(square, items, workers=2)}
    assert results.pop("segfault") == (None, "its process was killed by SIGSEGV (Segmentation fault)")
    assert results.pop("kill") == (None, "its process was killed by SIGKILL (Killed)")
    assert results.pop("exit") == (None, "its process ended with exit code 7")
    value, failure = results.pop("unsendable")
    assert value is None
    assert "its result cannot be sent: cannot pickle" in failure
    assert results == {item: (item * item, "") for item in range(20)}


def dies_once(marker):
    """As if the system had taken the process for another one's greed: it does not happen again."""
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def test_an_item_whose_process_dies_once_is_done_in_the_end(tmp_path):
    (tmp_path / "there").touch()
    items = [tmp_path / "x", tmp_path / "there"]
    results = {done.item.name: (done.value, done.failure) for done in run(dies_once, items, workers=2)}
    assert results == {"x": ("done", ""), "there": ("done", "")}


def ones(n):
    return np.ones(n, np.uint8)


def test_no_more_items_are_taken_than_are_worked_on():
    taken = []

    def items():
        for n in range(200):
            taken.append(n)
            yield 1_000_000 + n

    for count, done in enumerate(run(ones, items(), workers=2), start=1):
        assert done.value.nbytes == done.item
        assert len(taken) <= count + 2


def process_id(_):
    time.sleep(0.05)
    return os.getpid()


def test_the_workers_end_with_the_generator():
    results, workers = run(process_id, range(1000), workers=2), set()
    while len(workers) < 2:  # the second starts late where processors are few
        workers.add(next(results).value)
    results.close()
    for process in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


_PARENT = """
import sys
from tests.datasets.test_worker_pool import process_id
from datasets.worker_pool import run
if __name__ == "__main__":
    for done in run(process_id, range(1000), workers=2):
        print(done.value, flush=True)
"""


@pytest.mark.slow
def test_the_workers_end_when_their_parent_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, env=environment) as parent:
        workers = set()
        while len(workers) < 2:
            workers.add(int(parent.stdout.readline()))
        parent.kill()
    limit = time.monotonic() + 20
    while any(Path(f"/proc/{process}").exists() for process in workers):
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_workers_that_cannot_start_are_an_error_and_no_items_fault(tmp_path):
    script = tmp_path / "unguarded.py"
    script.write_text("from datasets.worker_pool import run\nprint(list(run(abs, range(9), workers=2)))\n")
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 1
    assert "worker processes cannot start" in done.stderr
    assert 'if __name__ == "__main__"' in done.stderr
