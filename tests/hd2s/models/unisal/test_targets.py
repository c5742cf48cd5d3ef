"""How large the maps are that UNISAL is trained by."""

import pytest

from hd2s.models.unisal.config import UnisalConfig
from hd2s.models.unisal.targets import is_target_size, of_corpus, size_or_scale


def test_the_released_sizes_are_the_maps_own_and_those_of_framed_corpora_the_input_s():
    config = UnisalConfig(domain_inputs=True, target_size="released", framing="released")
    shown = {name: config.shown(name).input for name in ("DHF1K", "Hollywood2", "UCFSports", "SALICON", "A")}
    assert {name: window.map_size(window.size) for name, window in shown.items()} == {
        "DHF1K": (360, 640),
        "Hollywood2": None,
        "UCFSports": None,
        "SALICON": (480, 640),
        "A": None,
    }
    many = UnisalConfig(domain_inputs=True, target_size="released", photograph_sizes="released")
    window = many.shown("MIT1003").input
    assert [window.map_size(size) for size in ((256, 416), (416, 288))] == [(512, 832), (832, 576)]


def test_the_input_s_is_the_default_whatever_the_corpus():
    for name in ("DHF1K", "SALICON", "MIT1003"):
        window = UnisalConfig(domain_inputs=True).shown(name).input
        assert window.map_size(window.size) is None


@pytest.mark.parametrize(
    ("word", "found"),
    [("input", (None, 1)), ("3x", (None, 3)), ("90x160", ((90, 160), 1)), ("released", (None, 1))],
)
def test_a_word_says_a_size_or_a_multiple(word, found):
    assert is_target_size(word)
    assert size_or_scale(word) == found
    assert of_corpus(word, "Mine") == ("input" if word == "released" else word)


@pytest.mark.parametrize("word", ["native", "0x5", "x2", "2", "90x160x3", "-1x4"])
def test_other_words_are_refused(word):
    assert not is_target_size(word)
    with pytest.raises(ValueError, match="target_size must be input, released, HEIGHTxWIDTH"):
        UnisalConfig(target_size=word)


def test_what_is_framed_keeps_maps_where_its_frames_are():
    config = UnisalConfig(target_size="90x160")
    assert config.input.map_size(config.input.size) == (90, 160)
    framed = UnisalConfig(target_size="90x160", framing="height").input
    assert framed.map_size(framed.size) is None
