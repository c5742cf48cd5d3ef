import pytest

from hd2s import build_model
from hd2s.models.config import ConfigError, Input
from hd2s.models.tased.config import LENGTHS, TasedConfig


def test_it_answers_the_last_of_consecutive_frames():
    """Sect. 3.1 and 4.1."""
    assert TasedConfig().input == Input(32, 224, 384, step=1, answers="last")


@pytest.mark.parametrize("clip_length", LENGTHS)
def test_features_are_those_after_each_pool(clip_length):
    found = {name: (f.channels, f.height, f.width) for name, f in TasedConfig(clip_length).features.items()}
    assert found == {"1": (192, 28, 48), "2": (480, 14, 24), "3": (832, 7, 12), "4": (1024, 7, 12)}


@pytest.mark.parametrize("clip_length", [4, 8, 24, 40, 80])
def test_other_lengths_are_refused_with_those_that_are_allowed(clip_length):
    with pytest.raises(ConfigError, match=f"clip_length must be one of 16, 32, 48, 64, found {clip_length}"):
        build_model("tased", clip_length=clip_length)


def test_everything_that_is_not_allowed_is_told_at_once():
    wrong = {"height": 100, "width": 16, "aggregation": "early", "upsampling": "nearest", "loss": "clip"}
    with pytest.raises(ConfigError) as told:
        TasedConfig(**wrong, encoder_lr=0.0, bn_momentum=2.0, batch_norm_parts=0)
    numbers = ["encoder_lr", "bn_momentum", "batch_norm_parts"]
    assert [name for name, _ in told.value.faults] == [*wrong, *numbers]
    assert "one of released, late, early two-step, late two-step, found early" in str(told.value)
