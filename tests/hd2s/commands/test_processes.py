"""Processes that Ctrl-C is not for, and that are not waited for when it comes."""

import multiprocessing
import signal
import time

import pytest

from hd2s.__main__ import main
from hd2s.commands.processes import fresh_processes
from manifests import ProblemError


def test_what_breaks_off_ends_them_at_once():
    before = multiprocessing.active_children()
    with pytest.raises(KeyboardInterrupt), fresh_processes(2) as pool:
        pool.submit(time.sleep, 600)
        assert len(multiprocessing.active_children()) == len(before) + 2
        raise KeyboardInterrupt
    assert multiprocessing.active_children() == before


def test_ctrl_c_is_left_to_who_started_them():
    with fresh_processes(1) as pool:
        held = pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, ()).result()
    assert signal.SIGINT in held
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_one_that_the_system_kills_is_told():
    with (
        pytest.raises(ProblemError, match="killed, as systems do where memory is full"),
        fresh_processes(1) as pool,
    ):
        pool.submit(signal.raise_signal, signal.SIGKILL).result()


@pytest.mark.parametrize("given", ["--workers=0", "--min-frames=-1", "--workers=two"])
def test_none_and_fewer_are_refused(given, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["score", "--predictions", "p", "--corpus", "dhf1k", "--split", "test", given])
    assert ended.value.code == 2
    assert f"expected 1 or more, found {given.partition('=')[2]}" in capsys.readouterr().err
