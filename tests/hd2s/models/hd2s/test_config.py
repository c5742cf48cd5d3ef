import pytest
import torch

from hd2s.models.config import ConfigError, Input
from hd2s.models.hd2s.config import HD2SConfig
from hd2s.models.registry import find_model, on_meta
from tests.hd2s.models.small_models import DOMAINS


def test_it_answers_the_last_of_consecutive_frames():
    assert HD2SConfig().input == Input(16, 128, 192, step=1, answers="last")
    assert HD2SConfig(clip_length=8, height=32, width=64).input == Input(8, 32, 64)


def test_features_are_those_of_the_decoded_levels():
    """Appendix, Tables 1 to 4: their shapes after temporal removal."""
    found = {name: (f.channels, f.height, f.width) for name, f in HD2SConfig().features.items()}
    assert found == {"1": (192, 16, 24), "2": (480, 8, 12), "3": (832, 4, 6), "4": (1024, 4, 6)}
    assert list(HD2SConfig(conspicuity=(2, 4)).features) == ["2", "4"]


def test_smoothing_is_learnt_by_domains_alone():
    assert not HD2SConfig().learns_smoothing
    assert HD2SConfig(domains=DOMAINS).learns_smoothing
    assert not HD2SConfig(domains=DOMAINS, smoothing=False).learns_smoothing


def test_a_corpus_takes_its_own_parts_where_it_has_some():
    config = HD2SConfig(domains=DOMAINS)
    assert [config.domain_of(name) for name in ("UCFSports", "LEDOV")] == ["UCFSports", None]
    assert HD2SConfig().domain_of("UCFSports") is None


def test_models_that_differ_in_what_means_nothing_are_one():
    assert HD2SConfig(priors=False, max_sigma=3.0, quantise=True) == HD2SConfig()
    assert HD2SConfig(domains=DOMAINS, priors=False) != HD2SConfig(domains=DOMAINS)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"clip_length": 12}, "clip_length must be a positive multiple of 8, found 12"),
        ({"clip_length": 0}, "clip_length must be a positive multiple of 8, found 0"),
        ({"height": 100, "width": 200}, "height must be .* 32, found 100; width must be .* 32, found 200"),
        ({"conspicuity": (2, 1)}, r"levels out of 1, 2, 3, 4, ascending, found \(2, 1\)"),
        ({"conspicuity": ()}, r"levels out of 1, 2, 3, 4"),
        ({"conspicuity": (1, 5)}, r"levels out of 1, 2, 3, 4"),
        ({"bn_momentum": 0.0}, r"bn_momentum must be more than 0 and at most 1, found 0.0"),
        ({"fusion_gain": -1.0}, r"fusion_gain must be 0 or more, found -1.0"),
        ({"domains": ["a", "A"]}, r"distinct whatever their case, found \('a', 'A'\)"),
        ({"domains": ["a.b"]}, "letters, digits and underscores"),
        ({"domain_bn_momentum": 2}, r"domain_bn_momentum must be more than 0 and at most 1, found 2"),
        (
            {"max_sigma": 0, "height": 3},
            "height must be a positive multiple of 32.*max_sigma must be more than 0, in pixels",
        ),
        ({"fusion_gain": float("nan"), "max_sigma": float("nan")}, "fusion_gain .*; max_sigma"),
    ],
)
def test_configurations_that_are_not_allowed(config, message):
    with pytest.raises(ConfigError, match=message):
        HD2SConfig(**config)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "levels"), [((8, 32, 32), (1, 2)), ((16, 32, 32), (1, 2)), ((16, 32, 32), (3,))]
)
def test_a_single_clip_trains_where_it_says_so(size, levels):
    """On the meta device, where batch norms refuse a single value of a channel as they do elsewhere."""
    options = dict(zip(("clip_length", "height", "width"), size, strict=True)) | {"conspicuity": levels}
    model = on_meta(find_model("hd2s").model, options).train()
    clip = torch.empty(1, 3, *size, device="meta")
    if model.config.smallest_batch == 1:
        model(clip)
    else:
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            model(clip)
        model(clip.expand(2, -1, -1, -1, -1))
