import re
from dataclasses import replace

import pytest
import torch

import hd2s
from hd2s import build_model
from hd2s.models import registry
from hd2s.models.registry import find_model, models, on_meta, register
from tests.hd2s.models.small_models import DOMAINS, SMALL
from tests.hd2s.models.toy_models import TOY, OrderSensitive


@pytest.fixture
def plugged_in(monkeypatch):
    """Return the plug-ins of a registry that forgets them after the test."""
    monkeypatch.setattr(registry.MODELS, "plugged_in", {})
    return registry.MODELS.plugged_in


def test_every_model_of_the_folder_is_there_by_its_word():
    assert list(models()) == sorted(models())
    assert {"hd2s", "centre_prior", "chance"} <= models().keys()
    assert all(model.word == word and model.title for word, model in models().items())


def test_a_model_knows_its_declaration_and_configuration():
    model = build_model("hd2s", **SMALL)
    assert model.declaration is models()["hd2s"]
    assert model.config == models()["hd2s"].config(**SMALL)
    assert model.training


@pytest.mark.parametrize(
    ("alias", "domains"), [("hd2s_da", ()), ("hd2s_dsl", DOMAINS), ("hd2s_calibrated", ())]
)
def test_names_that_old_checkpoints_know_still_build(alias, domains):
    built, found = build_model(alias, seed=0, **SMALL), find_model(alias)
    assert found.model.word == built.declaration.word == "hd2s"
    assert found.options.get("domains", ()) == built.config.domains == domains


def test_options_go_before_those_that_an_alias_stands_for():
    assert build_model("hd2s_dsl", domains=["LEDOV"], **SMALL).config.domains == ("LEDOV",)
    find_model("hd2s_dsl").options["domains"] = ()
    assert find_model("hd2s_dsl").options["domains"] == DOMAINS, "what is returned is the caller's own"


class Constructed(OrderSensitive):
    """Gives its tensors first values where it is made, as models from elsewhere do."""

    def __init__(self, config):
        super().__init__(config)
        self.register_buffer("kernel", torch.full((3,), 0.25), persistent=False)
        self.register_buffer("counts", torch.arange(4))
        self.register_buffer("seen", torch.tensor([True, False]))
        self.scale = torch.nn.Parameter(torch.full((2,), 3.0))
        self.drawn = torch.nn.Parameter(torch.randn(4))
        self.plain = torch.ones(2)


def test_what_a_constructor_gives_stays(plugged_in):
    register(replace(TOY, build=Constructed))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one, same, other = (build_model(TOY.word, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), before)
    for model in (one, other):
        assert model.kernel.tolist() == [0.25] * 3
        assert model.counts.tolist() == [0, 1, 2, 3]
        assert model.seen.tolist() == [True, False]
        assert model.scale.tolist() == [3.0, 3.0]
        assert model.plain.tolist() == [1.0, 1.0]
    assert model.declaration.word == TOY.word
    torch.testing.assert_close(one.state_dict(), same.state_dict(), rtol=0, atol=0)
    assert not torch.equal(one.drawn, other.drawn)
    register(replace(TOY, build=OrderSensitive, word="plain"))
    plain = build_model("plain", seed=5).state_dict()
    torch.testing.assert_close({name: one.state_dict()[name] for name in plain}, plain, rtol=0, atol=0)


class Scheduled(OrderSensitive):
    """Asks a tensor for its values where it is made, as transformers do for what their blocks drop."""

    def __init__(self, config):
        super().__init__(config)
        self.rates = torch.linspace(0, 0.2, 3).tolist()
        self.shift = torch.nn.Parameter(torch.randn(2))


@pytest.mark.usefixtures("plugged_in")
def test_a_constructor_may_ask_for_values():
    register(replace(TOY, build=Scheduled))
    torch.manual_seed(0)
    before = torch.get_rng_state()
    one, same = (build_model(TOY.word, seed=5) for _ in range(2))
    with torch.device("meta"):  # as where an approach that is counted makes its learner
        shapes = on_meta(find_model(TOY.word).model, {})
    assert torch.equal(torch.get_rng_state(), before)
    assert one.rates == shapes.rates == pytest.approx([0.0, 0.1, 0.2])
    assert all(tensor.is_meta for tensor in shapes.state_dict().values())
    assert {name: value.shape for name, value in shapes.state_dict().items()} == {
        name: value.shape for name, value in one.state_dict().items()
    }
    torch.testing.assert_close(one.state_dict(), same.state_dict(), rtol=0, atol=0)


def test_unknown_names():
    with pytest.raises(ValueError, match=r"Unknown model hd2x\. Did you mean hd2s\? Available: .*hd2s"):
        build_model("hd2x")
    with pytest.raises(ValueError, match=r"Unknown option of hd2s heigth\. Did you mean height\?"):
        build_model("hd2s", heigth=64)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        hd2s.nothing  # noqa: B018


def test_a_model_from_outside_is_one_of_them(plugged_in):
    register(TOY)
    register(TOY)
    assert plugged_in == {"toy": TOY}
    assert isinstance(build_model("toy", frames=4), OrderSensitive)
    assert list(models()) == sorted(models())


@pytest.mark.usefixtures("plugged_in")
def test_what_is_made_of_one_of_ours_takes_none_of_its_old_names():
    register(replace(models()["hd2s"], word="a-hd2s"))
    assert find_model("a-hd2s").model.word == "a-hd2s"
    assert {find_model(alias).model.word for alias in models()["hd2s"].aliases} == {"hd2s"}


@pytest.mark.usefixtures("plugged_in")
def test_a_word_is_one_models():
    with pytest.raises(ValueError, match="the word hd2s is another model's"):
        register(replace(TOY, word="hd2s"))
    register(TOY)
    with pytest.raises(ValueError, match="the word toy is another model's"):
        register(replace(TOY, title="Another"))


def test_same_seed_same_weights_whatever_was_drawn_before():
    torch.manual_seed(1)
    first = build_model("hd2s", seed=5, **SMALL).state_dict()
    torch.rand(10)
    state = torch.random.get_rng_state()
    second = build_model("hd2s", seed=5, **SMALL).state_dict()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = build_model("hd2s", seed=6, **SMALL).state_dict()
    assert not any(torch.equal(first[n], other[n]) for n in first if n.endswith("conv.weight"))


def test_without_a_seed_the_global_generator_decides():
    torch.manual_seed(1)
    first, second = (build_model("hd2s", **SMALL).fusion.weight for _ in range(2))
    torch.manual_seed(1)
    assert torch.equal(build_model("hd2s", **SMALL).fusion.weight, first)
    assert not torch.equal(first, second)


def test_on_the_meta_device_a_model_has_shapes_and_no_values():
    found = on_meta(models()["hd2s"], SMALL)
    assert all(tensor.is_meta for tensor in found.state_dict().values())
    expected = {name: tensor.shape for name, tensor in build_model("hd2s", **SMALL).state_dict().items()}
    assert {name: tensor.shape for name, tensor in found.state_dict().items()} == expected
    assert found.declaration is models()["hd2s"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"clip_length": "8"}, "clip_length must be int, found '8'"),
        ({"height": 32.0}, "height must be int, found 32.0"),
        ({"width": None}, "width must be int, found None"),
        ({"conspicuity": 3}, "conspicuity must be a list of int, found 3"),
        ({"conspicuity": ["1"]}, "conspicuity must be int, found '1'"),
        ({"bn_momentum": "0.1"}, "bn_momentum must be float, found '0.1'"),
        ({"fusion_gain": True}, "fusion_gain must be float, found True"),
        ({"domains": "DHF1K"}, "domains must be a list of str, found 'DHF1K'"),
        ({"priors": 1}, "priors must be bool, found 1"),
    ],
)
def test_options_of_a_wrong_type_are_named(options, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        build_model("hd2s", **options)
