"""UNISAL's departures are what the code does."""

from datasets.corpora.registry import get
from hd2s.models.unisal import MODEL
from hd2s.models.unisal.departures import DEPARTURES


def departure(words):
    (found,) = [each for each in DEPARTURES if words in each.told]
    return found


def test_the_model_says_them():
    assert MODEL.departures == DEPARTURES


def test_gradients_are_clipped_by_what_the_departure_holds_of():
    assert departure("clipped").when == {"train.clip_gradient": MODEL.settings["train.clip_gradient"]}
    assert not departure("clipped").holds({"train.clip_gradient": None})


def test_as_released_another_loss_selects():
    found, released = departure("selects"), MODEL.of_protocol["released"][""]
    plain = {"train.selection": "validation", "train.validation_loss": "kld"}
    assert found.holds(plain)
    assert not found.holds(plain | {"train.validation_loss": released["train.validation_loss"]})


def test_the_splits_are_those_of_the_corpora():
    told = departure("600 training videos").told
    published = get("dhf1k").published
    assert (published["train"] + published["val"], published["val"], published["test"]) == (600, 60, 100)
    photographs = get("salicon").published
    assert f"{photographs['train'] + photographs['val']:,}" in told
    assert f"{photographs['val']:,}" in told
