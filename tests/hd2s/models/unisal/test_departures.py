"""UNISAL's departures are what the code does."""

from datasets.corpora.registry import get
from hd2s import build_model
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


def test_the_network_has_the_widths_that_are_told():
    model = build_model("unisal", seed=0)
    hidden, wide = model.skip_2x.expansion.conv.out_channels, model.post_upsampling.expand.conv
    told = departure("The network").told
    assert f"{hidden} hidden channels" in told
    assert f"Post-US2 {wide.in_channels} and then {wide.out_channels}" in told


def test_frames_are_squashed_where_that_is_told():
    config = MODEL.config()
    assert departure("squashed").when == {
        "model.framing": config.framing,
        "model.target_size": config.target_size,
    }


def test_windows_are_drawn_anew_but_as_released():
    assert departure("drawn anew").when == {"train.sampling": "anew"}
    assert MODEL.of_protocol["released"][""]["train.sampling"] == "passes"


def test_windows_are_mirrored_but_as_released():
    assert departure("mirrored").when == {"train.mirrored": True}
    assert MODEL.of_protocol["released"][""]["train.mirrored"] is False
