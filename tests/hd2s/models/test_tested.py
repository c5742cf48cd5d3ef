"""What a checkpoint carries of its model's test."""

import pytest

from hd2s.models.tested import AsTested


def test_it_comes_back_from_plain_values():
    tested = AsTested("released", "bfloat16", 2.5, eight_bit=False, resize="a rule", quantise=False)
    assert AsTested.of(tested.as_content()) == tested
    earlier = AsTested(smoothing_sigma=2.0, short_clips="reflected", truncate=False)
    assert AsTested.of({"smoothing_sigma": 2, "of a later version": 1}) == earlier


def test_what_it_says_of_a_protocol_goes_before_that():
    tested = AsTested("released", resize="opencv-bicubic", head="time reversed", truncate=False)
    assert tested.predictor_options["instead"] == {
        "head": "time reversed",
        "truncate": False,
        "resizing": "opencv-bicubic",
    }


def test_without_a_sigma_it_is_the_protocols():
    assert AsTested().predictor_options == {
        "protocol": "paper",
        "precision": "float32",
        "smoothing_sigma": "protocol",
    }
    assert AsTested(smoothing_sigma=0.5).predictor_options["smoothing_sigma"] == 0.5


@pytest.mark.parametrize(
    "content", [{"protocol": 3}, {"precision": None}, {"smoothing_sigma": "wide"}, {"eight_bit": "yes"}]
)
def test_values_of_another_type_are_told(content):
    with pytest.raises(ValueError, match=f"{next(iter(content))} must be"):
        AsTested.of(content)
