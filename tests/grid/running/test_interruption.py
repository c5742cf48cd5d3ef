"""Ctrl-C is acknowledged at once, waits for states that are saved soon, and for nothing the second time."""

import signal

import pytest

from grid.results import output_folder
from grid.results.storage import Storage
from grid.running import interruption as module
from grid.running.interruption import STOPPING, Interruption


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


def test_the_second_time_nothing_is_waited_for(heard):
    interruption, told = heard
    with interruption.gently(lambda: None):
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert told == [STOPPING]
