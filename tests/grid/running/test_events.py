"""What the driver tells: several listeners hear the same, and one that does not care says nothing."""

import inspect

from grid.running.events import Audience, Listener

EVENTS = [name for name, _ in inspect.getmembers(Listener, inspect.isfunction)]


class Ear(Listener):
    """Hears two of the events."""

    def __init__(self):
        self.heard = []

    def on_phase(self, text):
        self.heard.append(text)

    def on_training_progress(self, training, step, total, losses, rows):
        self.heard.append((training, step, total, losses, rows))


def test_an_audience_hears_everything_and_nothing_else():
    ears = Ear(), Ear()
    audience = Audience(*ears)
    audience.on_phase("planning")
    audience.on_training_started("ignored by both")
    audience.on_training_progress("training", 1, 60, {"loss": 1.0}, [])
    for ear in ears:
        assert ear.heard == ["planning", ("training", 1, 60, {"loss": 1.0}, [])]


def test_every_event_reaches_each_listener_with_all_its_details():
    class Everything(Listener):
        pass

    heard = []
    for event in EVENTS:
        setattr(Everything, event, lambda self, *details, event=event: heard.append((self, event, details)))
    first, second = Everything(), Everything()
    audience = Audience(first, second)
    for event in EVENTS:
        details = tuple(inspect.signature(getattr(Listener, event)).parameters)[1:]
        getattr(audience, event)(*details)
        assert heard[-2:] == [(first, event, details), (second, event, details)]
    assert len(EVENTS) == 11
