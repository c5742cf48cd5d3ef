import re
from dataclasses import replace

import pytest

from hd2s.approaches import registry
from hd2s.approaches.declaration import GREY, Approach
from hd2s.approaches.registry import approaches, register

NEW = Approach("mine", "Mine")


@pytest.fixture
def plugged_in(monkeypatch):
    """Return the plug-ins of a registry that forgets them after the test."""
    monkeypatch.setattr(registry.APPROACHES, "plugged_in", {})
    return registry.APPROACHES.plugged_in


def test_every_approach_of_the_folder_is_there_by_its_word():
    assert list(approaches()) == sorted(approaches())
    assert approaches().keys() >= {
        *("adaptation", "calibration", "domain-specific", "generalization", "multi-source"),
        *("single-source", "transfer", "untrained"),
    }
    assert all(approach.word == word and approach.title for word, approach in approaches().items())


def test_what_an_approach_refers_to_is_there():
    for approach in approaches().values():
        for other in (approach.parent, approach.trained_as, approach.improves_on):
            assert not other or other in approaches(), approach.word


def test_colours_are_colours_and_distinct():
    colours = [approach.colour for approach in approaches().values()]
    assert all(re.fullmatch("#[0-9A-F]{6}", colour) for colour in colours)
    assert len({*colours, GREY}) == len(colours) + 1


def test_an_approach_from_outside_is_one_of_them(plugged_in):
    register(NEW)
    register(NEW)
    assert plugged_in == {"mine": NEW}
    assert approaches()["mine"] is NEW
    assert list(approaches()) == sorted(approaches())


@pytest.mark.usefixtures("plugged_in")
def test_a_word_is_one_approachs():
    with pytest.raises(ValueError, match="the word transfer is another approach's"):
        register(replace(NEW, word="transfer"))
    register(NEW)
    with pytest.raises(ValueError, match="the word mine is another approach's"):
        register(replace(NEW, title="Another"))
