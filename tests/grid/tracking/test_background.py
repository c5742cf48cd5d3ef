"""One thread for what may be slow and may fail: in order, and no failure gets out of it."""

import threading
import time

import pytest

from grid.tracking import background as module
from grid.tracking.background import Background


@pytest.fixture
def failures():
    return []


@pytest.fixture
def background(failures):
    found = Background("grid.tracking", lambda: failures.append(threading.current_thread()))
    yield found
    found.close()


def fail(text):
    raise ConnectionError(text)


def test_things_are_done_in_order_on_one_thread_without_waiting(background):
    gate, done = threading.Event(), []
    background.later(gate.wait, 30)
    for number in range(3):
        background.later(lambda n: done.append((n, threading.current_thread().name)), number)
    assert done == [], "it returns at once"
    gate.set()
    background.wait()
    assert [number for number, _ in done] == [0, 1, 2]
    assert len({thread for _, thread in done}) == 1 != {threading.current_thread().name}


def test_a_failure_is_told_logged_and_does_not_stop_the_next(background, failures, caplog):
    done = []
    background.later(fail, "no  route\nto it")
    background.later(done.append, 1)
    background.wait()
    assert done == [1]
    assert (background.missed, background.reasons) == (1, ["ConnectionError: no route to it"])
    assert len(failures) == 1
    assert failures[0] is not threading.current_thread()
    assert "an entry is left out" in caplog.text


def test_after_two_failures_in_a_row_all_is_left_out_until_it_resumes(background):
    done = []
    for _ in range(2):
        background.later(fail, "gone")
    for number in range(5):
        background.later(done.append, number)
    background.wait()
    assert done == []
    assert (background.missed, background.reasons) == (7, ["ConnectionError: gone"])
    background.resume()
    background.later(done.append, "again")
    background.wait()
    assert done == ["again"]
    assert (background.missed, background.reasons) == (0, [])


def test_a_pause_ends_by_itself(background, monkeypatch):
    monkeypatch.setattr(module, "_PAUSE_S", 0.05)
    done = []
    for _ in range(2):
        background.later(fail, "gone")
    background.wait()
    time.sleep(0.1)
    background.later(done.append, 1)
    background.wait()
    assert (done, background.missed) == ([1], 2)


def test_a_success_between_two_failures_makes_no_pause(background):
    done = []
    for action, detail in ((fail, "one"), (done.append, 1), (fail, "two"), (done.append, 2)):
        background.later(action, detail)
    background.wait()
    assert done == [1, 2]
    assert background.reasons == ["ConnectionError: one", "ConnectionError: two"]


def test_long_reasons_are_cut(background):
    background.later(fail, "x" * 1000)
    background.wait()
    (reason,) = background.reasons
    assert len(reason) == 400
