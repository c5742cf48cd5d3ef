import pytest

from hd2s.models.config import ConfigError, Input
from hd2s.models.unisal.config import SHARED, UnisalConfig, free_size


def test_the_defaults_are_the_released_network_s():
    config = UnisalConfig()
    assert config.input == Input(12, 224, 384, 5, "every", "alone")
    assert config.needs_fixations
    assert config.learns_smoothing


def test_all_that_is_wrong_is_said_at_once():
    wrong = {
        "clip_length": 0,
        "step": 0,
        "height": 100,
        "width": 0,
        "domains": ["DHF1K", "dhf1k"],
        "bn_momentum": 0.0,
        "skip_dropout": 1.0,
        "encoder_lr": 0.0,
        "encoder_frozen": -1,
        "photograph_lr": float("nan"),
        "statistics": "clip",
        "cc_weight": -0.1,
        "inputs": ["DHF1K=224x384"],
        "short_clips": "mine",
        "framing": "mine",
        "photograph_sizes": "mine",
        "loss": "mine",
    }
    with pytest.raises(ConfigError) as caught:
        UnisalConfig(**wrong)
    assert sorted(name for name, _ in caught.value.faults) == sorted(wrong)
    with pytest.raises(ConfigError, match="domains"):
        UnisalConfig(domains=[SHARED])


@pytest.mark.parametrize(
    ("frames", "size"),
    [
        ((720, 1280), (256, 416)),
        ((1080, 1920), (256, 416)),
        ((480, 640), (288, 384)),
        ((400, 600), (288, 416)),
        ((500, 500), (320, 320)),
        ((640, 480), (384, 288)),
    ],
)
def test_sizes_of_frames_of_any_size_are_the_released_code_s(frames, size):
    assert free_size(*frames) == size


def test_photographs_are_predicted_at_the_released_sizes_only_if_asked_for():
    released = UnisalConfig(domain_inputs=True, photograph_sizes="released")
    seen = {name: released.shown(name).input for name in ("MIT1003", "MIT300", "SALICON", "DHF1K")}
    sizes = {name: shown.predicted_size((720, 1280), still=True) for name, shown in seen.items()}
    assert sizes == {
        "MIT1003": (256, 416),
        "MIT300": (256, 416),
        "SALICON": (256, 416),
        "DHF1K": (224, 384),
    }
    assert seen["SALICON"].predicted_size((480, 640), still=True) == seen["SALICON"].size == (288, 384)
    assert seen["MIT1003"].predicted_size((720, 1280), still=False) == (288, 384)
    assert seen["MIT1003"].trained_sizes == ((256, 416), (288, 416), (288, 384), (384, 288), (416, 288))
    assert seen["DHF1K"].trained_sizes == ()
    for config in (UnisalConfig(domain_inputs=True), UnisalConfig(photograph_sizes="released")):
        assert config.shown("MIT1003").input.trained_sizes == config.input.predicted_sizes == ()


def test_frames_without_pixels_have_no_size():
    with pytest.raises(ValueError, match="1 pixel a side"):
        free_size(0, 640)


def test_a_corpus_that_is_no_domain_takes_the_first_one_s_parts():
    config = UnisalConfig(domains=["Hollywood2", "Mine"])
    assert [config.domain_of(corpus) for corpus in ("Mine", "DHF1K")] == ["Mine", "Hollywood2"]
    assert UnisalConfig().domain_of("DHF1K") is None
    both = UnisalConfig(domains=["DHF1K", "SALICON"])
    assert [both.domain_of(corpus) for corpus in ("MIT1003", "MIT300", "LEDOV")] == [
        "SALICON",
        "SALICON",
        "DHF1K",
    ]


def test_a_corpus_has_the_size_and_step_of_the_paper_only_if_asked_for():
    sizes = {
        "DHF1K": (224, 384, 5),
        "Hollywood2": (224, 416, 4),
        "SALICON": (288, 384, 1),
        "Mine": (224, 384, 5),
    }
    config = UnisalConfig(domain_inputs=True)
    seen = {name: config.shown(name).input for name in sizes}
    assert {name: (x.height, x.width, x.step) for name, x in seen.items()} == sizes
    assert {UnisalConfig().shown(name) for name in sizes} == {UnisalConfig()}
    assert not config.features


@pytest.mark.parametrize(
    "wrong",
    [
        ["DHF1K=224x384/0"],
        ["DHF1K=224x380/5"],
        ["DHF1K=0x384/5"],
        ["=224x384/5"],
        ["DHF1K=224x384/5", "DHF1K=224x416/5"],
    ],
)
def test_sizes_that_no_corpus_can_have_are_refused(wrong):
    with pytest.raises(ConfigError, match="inputs must be CORPUS=HEIGHTxWIDTH/STEP"):
        UnisalConfig(inputs=wrong)


def test_the_released_code_leaves_out_clips_of_fewer_than_all_steps():
    config = UnisalConfig(domain_inputs=True, short_clips="released")
    assert [config.shown(name).input.shortest for name in ("DHF1K", "Hollywood2")] == [60, 48]
    assert [UnisalConfig(step=step).input.shortest for step in (5, 4)] == [56, 45]


def test_without_nss_no_fixations_are_needed():
    assert not UnisalConfig(nss_weight=0.0).needs_fixations


def test_batch_norms_follow_their_domain():
    config = UnisalConfig(domains=["DHF1K", "SALICON"])
    assert [config.momentum(key) for key in ("DHF1K", "SALICON", SHARED)] == [0.01, 0.1, 0.1]
    assert UnisalConfig().momentum(SHARED) == 0.01


@pytest.mark.parametrize(
    ("corpora", "expected"),
    [
        (("SALICON",), 0.1),
        (("SALICON", "MIT1003"), 0.1),
        (("DHF1K",), 0.01),
        (("SALICON", "DHF1K"), 0.01),
        ((), 0.01),
    ],
)
def test_without_domains_batch_norms_follow_photographs_where_there_is_nothing_else(corpora, expected):
    assert UnisalConfig().trained_on(corpora).momentum(SHARED) == expected
    of_domains = UnisalConfig(domains=["SALICON"])
    assert of_domains.trained_on(corpora) == of_domains


def test_parts_are_shared_where_domains_have_none_of_their_own():
    config = UnisalConfig(domains=["DHF1K", "SALICON"])
    assert config.keys(True) == ("DHF1K", "SALICON")
    assert config.keys(False) == UnisalConfig().keys(True) == (SHARED,)
    assert (config.key(True, "SALICON"), config.key(False, "SALICON")) == ("SALICON", SHARED)


def test_the_released_framing_is_of_two_corpora_and_others_hold_for_all():
    def framings(word):
        config = UnisalConfig(framing=word)
        return [config.shown(name).input.framing for name in ("DHF1K", "Hollywood2", "UCFSports", "SALICON")]

    assert framings("squashed") == ["squashed"] * 4
    assert framings("cover") == ["cover"] * 4
    assert framings("released") == ["squashed", "height", "cover", "squashed"]
    assert UnisalConfig(framing="released").input.framing == "squashed"
