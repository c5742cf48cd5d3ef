"""The checkpoint's way of predicting, and the command line's that goes before it."""

import argparse

import pytest

from hd2s import build_model
from hd2s.commands.manner import add_manner, manner, sizes_given
from hd2s.models.tested import AsTested

SMALL = {"clip_length": 8, "height": 32, "width": 64}


def parsed(*arguments: str, domain=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_manner(parser)
    return argparse.Namespace(**vars(parser.parse_args(arguments)), domain=domain)


@pytest.fixture
def model():
    found = build_model("hd2s", seed=0, **SMALL)
    found.tested = AsTested(smoothing_sigma=2.0, resize="pil-bilinear")
    return found


def test_it_is_as_the_test_was(model):
    chosen = manner(model, parsed(), None)
    assert chosen.predictor_options == model.tested.predictor_options
    assert chosen.told == (
        "HD2S, as its test does: 8 frames of 32 × 64, protocol paper, float32, smoothed with σ = 2 px",
    )


def test_what_is_given_goes_before_it_and_is_told(model):
    chosen = manner(model, parsed("--smoothing", "5", "--precision", "bfloat16", "--height", "32"), None)
    assert chosen.predictor_options == {
        "protocol": "paper",
        "precision": "bfloat16",
        "smoothing_sigma": 5.0,
        "instead": {"resizing": "pil-bilinear"},
    }
    assert chosen.told[1] == (
        "the command line goes before the checkpoint: --precision bfloat16, --smoothing 5, --height 32"
    )
    assert manner(model, parsed("--smoothing", "0"), None).predictor_options["smoothing_sigma"] is None


def test_another_protocol_brings_its_own_gaussian(model):
    released = manner(model, parsed("--protocol", "released"), None)
    assert released.predictor_options["smoothing_sigma"] == "protocol"
    assert released.told[0].endswith(
        "protocol released, float32, smoothed with σ = 7 px, frames resized by opencv-bicubic"
    )
    assert "instead" not in released.predictor_options, "nor what the test did otherwise"
    same = manner(model, parsed("--protocol", "paper"), None)
    assert same.predictor_options["smoothing_sigma"] == 2.0


def test_of_a_file_that_says_nothing_the_models_own_is_taken_and_that_is_told(model):
    model.tested = None
    chosen = manner(model, parsed(), None)
    assert chosen.predictor_options == AsTested().predictor_options
    assert "its file says nothing of a test" in chosen.told[0]
    assert "σ = 5 px" in chosen.told[0]


def test_what_no_option_can_do_is_told(model):
    model.tested = AsTested(eight_bit=False, resize="another", short_clips="looped")
    chosen = manner(model, parsed(), None)
    assert any("not rounded to 8 bits" in line for line in chosen.told)
    assert any("resized frames by another, which is not known here" in line for line in chosen.told)
    assert chosen.predictor_options["instead"] == {"short_clips": "looped"}


def test_frames_are_resized_as_the_test_did_and_the_earlier_ones_of_the_released_protocol(model):
    """A checkpoint of before the rule went with the protocol says which it was."""
    model.tested = AsTested("released", smoothing_sigma=7.0, resize="pil-bilinear")
    assert "resized" not in manner(model, parsed(), None).told[0]
    model.tested = AsTested("released", smoothing_sigma=7.0, resize="opencv-bicubic")
    assert "frames resized by opencv-bicubic" in manner(model, parsed(), None).told[0]


@pytest.mark.parametrize(
    ("given", "corpus", "expected"),
    [(None, "LEDOV", "LEDOV"), ("DHF1K", "LEDOV", "DHF1K"), (None, "Mine", None), (None, None, None)],
)
def test_an_indexed_corpus_has_its_own_layers(given, corpus, expected):
    model = build_model("hd2s", seed=0, domains=("DHF1K", "LEDOV"), **SMALL)
    assert manner(model, parsed(domain=given), corpus).domain == expected


def test_sizes_are_options_of_the_configuration():
    assert sizes_given(parsed("--clip-length", "8", "--width", "96")) == {"clip_length": 8, "width": 96}
    assert sizes_given(parsed()) == {}


@pytest.mark.parametrize("text", ["-1", "wide", "nan", "inf", "1e9"])
def test_a_sigma_is_a_number_of_pixels(text, capsys):
    with pytest.raises(SystemExit):
        parsed(f"--smoothing={text}")
    assert "expected 0 to 1000 pixels" in capsys.readouterr().err


def test_a_domain_without_layers_of_its_own_is_told(model):
    told = manner(model, parsed(domain="DHF1K"), None).told
    assert "layers of" not in told[0]
    assert told[1] == "it has no layers of a domain's own: --domain DHF1K chooses none"
    of_domains = build_model("hd2s", seed=0, **SMALL, domains=("DHF1K", "LEDOV"))
    (told,) = manner(of_domains, parsed(domain="DHF1K"), None).told
    assert told.endswith("layers of DHF1K")


def test_a_plug_in_that_is_another_than_at_training_is_told(model):
    model.tested = AsTested(plugins=("model's", "approach's"))
    same = manner(model, parsed(), None, frozenset({"approach's", "model's", "another's"}))
    changed = manner(model, parsed(), None, frozenset({"approach's", "model's of today"}))
    assert not any("plug-in" in line for line in same.told)
    assert changed.told[-1].startswith("its plug-in has changed since it was trained")


def test_short_clips_begin_again_where_the_models_paper_says_so():
    """TASED-Net, Sect. 4.3; a checkpoint that was tested as released is brought back to it as well."""
    tased = build_model("tased", seed=0, clip_length=16, height=32, width=32)
    assert manner(tased, parsed(), None).predictor_options["instead"] == {"short_clips": "looped"}
    assert "instead" not in manner(tased, parsed("--protocol", "released"), None).predictor_options
    tased.tested = AsTested("released", smoothing_sigma=7.0, short_clips="last window")
    chosen = manner(tased, parsed("--protocol", "paper"), None).predictor_options
    assert chosen["instead"] == {"short_clips": "looped"}
    assert chosen["smoothing_sigma"] == "protocol"
