"""How far a command has come: lines where nobody watches, a bar on a terminal."""

import io
import logging

import pytest
from rich.console import Console

from datasets.commands import progress
from datasets.commands.progress import telling


class Clock:
    """Time as the test lets it pass."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


def lines(capfd):
    return capfd.readouterr().err.splitlines()


def test_elsewhere_a_line_comes_every_five_seconds_and_at_the_end(clock, capfd):
    with telling("DHF1K") as tell:
        for done in range(1, 5):
            clock.now += 2.5
            tell(done, 4)
    assert lines(capfd) == [
        "DHF1K: 2 of 4 clips, 0.4 per second, about 5 s left",
        "DHF1K: 4 of 4 clips, 0.4 per second",
    ]


def test_what_was_done_before_counts_for_no_rate(clock, capfd):
    with telling("DHF1K") as tell:
        clock.now += 10
        tell(1001, 1_002_001)
        clock.now += 10
        tell(1003, 1_002_001, "further", "arguments")
    assert lines(capfd) == [
        "DHF1K: 1,001 of 1,002,001 clips, 0.1 per second, about 2780 h 33 min left",
        "DHF1K: 1,003 of 1,002,001 clips, 0.15 per second, about 1853 h 42 min left",
    ]


@pytest.mark.parametrize(("left", "text"), [(59, "59 s"), (61, "1 min 1 s"), (3600, "1 h 0 min")])
def test_the_time_left_is_told_as_people_say_it(clock, capfd, left, text):
    with telling("x") as tell:
        clock.now += 5
        tell(1, 10 + left)
        capfd.readouterr()
        clock.now += 5
        tell(10, 10 + left)
    assert lines(capfd) == [f"x: 10 of {10 + left:,} clips, 1 per second, about {text} left"]


def test_what_is_logged_meanwhile_is_shown_and_nothing_afterwards(capfd):
    log = logging.getLogger("datasets.indexing")
    with telling("x"):
        log.info("looking for %s", "clips")
    log.info("never seen")
    assert lines(capfd) == ["looking for clips"]


def test_on_a_terminal_a_bar_is_drawn(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(
        progress, "Console", lambda stderr: Console(file=screen, force_terminal=True, width=100, height=20)
    )
    with telling("DHF1K") as tell:
        logging.getLogger("datasets").info("a [line] above")
        for done in range(3, 7):
            tell(done, 6)
    shown = screen.getvalue()
    assert "a [line] above" in shown
    assert "6/6" in shown
    assert "DHF1K" in shown
    assert "clips/s" in shown
