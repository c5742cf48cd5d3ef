"""Ctrl-C is acknowledged at once, waits for states that are saved soon, and for nothing the second time."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from grid.results import output_folder
from grid.results.storage import Storage
from grid.running import interruption as module
from grid.running.interruption import STOPPING, Interruption, alone_to_hear, requests_heard


@pytest.fixture
def storage(tmp_path):
    return Storage(folder=str(tmp_path))


@pytest.fixture
def heard(storage):
    """An interruption that is heard, and what it tells."""
    told = []
    interruption = Interruption(storage, told.append)
    before = signal.getsignal(signal.SIGINT)
    with interruption.heard():
        yield interruption, told
    assert signal.getsignal(signal.SIGINT) == before
    assert not storage.path(output_folder.STOP).exists()


def save(storage, training):
    file = storage.path(output_folder.state(training, 3, "x"))
    file.parent.mkdir(parents=True)
    file.write_bytes(b"state")


def test_where_nothing_trains_it_is_told_and_ends_what_runs(heard):
    interruption, told = heard
    assert not interruption.asked
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert (interruption.asked, told) == (True, [STOPPING])


def test_trainings_are_asked_for_a_state_and_ended_when_all_have_saved(heard, storage):
    (interruption, told), ended = heard, []
    with interruption.gently(lambda: ended.append("")):
        interruption.end_when_saved(["a", "b"])
        signal.raise_signal(signal.SIGINT)
        assert told == [STOPPING]
        assert storage.path(output_folder.STOP).exists()
        save(storage, "a")
        interruption.end_when_saved(["a", "b"])
        assert ended == []
        save(storage, "b")
        interruption.end_when_saved(["a", "b"])
        interruption.end_when_saved(["a", "b"])
    assert ended == [""], "once"


def test_what_does_not_save_in_time_is_not_waited_for(heard, monkeypatch):
    (interruption, _), ended = heard, []
    monkeypatch.setattr(module, "_SECONDS_TO_SAVE", -1.0)
    with interruption.gently(lambda: ended.append("")):
        signal.raise_signal(signal.SIGINT)
        interruption.end_when_saved(["a"])
    assert ended == [""]


@pytest.mark.parametrize("jump_s", [-3600.0, 3600.0])
def test_a_clock_that_jumps_or_is_another_than_the_disks_keeps_nobody_waiting(heard, storage, jump_s):
    """A state counted by the driver's clock, and an hour that it was set back by was waited for."""
    (interruption, _), ended = heard, []
    with interruption.gently(lambda: ended.append("")), pytest.MonkeyPatch.context() as patched:
        now = time.time()
        patched.setattr("time.time", lambda: now + max(jump_s, 0.0))
        signal.raise_signal(signal.SIGINT)
        patched.setattr("time.time", lambda: now + min(jump_s, 0.0))
        if jump_s < 0:
            patched.setattr(module, "_SECONDS_TO_SAVE", -1.0)
        else:
            save(storage, "a")
        interruption.end_when_saved(["a"])
    assert ended == [""]


def test_the_second_time_nothing_is_waited_for(heard):
    interruption, told = heard
    with interruption.gently(lambda: None):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert told == [STOPPING]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_terminate_and_a_closed_terminal_are_as_ctrl_c(number):
    # Who runs the tests may have had one ignored.
    before = signal.signal(number, signal.SIG_DFL)
    try:
        with requests_heard(), pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_a_request_to_terminate_is_heard_where_ctrl_c_is_ignored():
    """As by whatever a script's shell starts in the background: a terminal's keys are not meant for it."""
    ignored = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with requests_heard(), pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        for number, handler in ignored.items():
            signal.signal(number, handler)


def test_what_is_to_outlive_its_terminal_does():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with requests_heard():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_end_of_ray_that_the_user_has_asked_for_is_told_from_one_that_nobody_wants(heard, monkeypatch):
    """The same signal may reach Ray's processes, which end at once, before it is heard of here."""
    interruption, _ = heard
    monkeypatch.setattr(module, "_SECONDS_TO_HEAR", 0.2)
    assert not interruption.soon_asked()
    monkeypatch.setattr(module, "_SECONDS_TO_HEAR", 20.0)
    threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT]).start()
    answer = []
    asking = threading.Thread(target=lambda: answer.append(interruption.soon_asked()))
    with interruption.gently(lambda: None):
        asking.start()
        asking.join(30)
    assert answer == [True]


def test_a_closed_terminal_does_not_end_what_is_started_before_it_is_heard():
    """Ray's processes are of the terminal's group, and the run began again without a terminal."""
    with alone_to_hear():
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        child.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(1)
    finally:
        child.kill()
        child.communicate()
    with pytest.raises(KeyboardInterrupt), alone_to_hear():
        sys.exit(1)
