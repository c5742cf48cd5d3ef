from itertools import chain

import pytest
import torch
from torch import nn

from hd2s.layers.initialisation import forget, initialise, lacks_values
from hd2s.models.registry import models, on_meta
from tests.hd2s.models.small_models import same


def initialised(module, seed=0, prefix=""):
    initialise(module, seed, prefix)
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def pair():
    return nn.ModuleDict({"a": nn.Linear(4, 5), "b": nn.Linear(4, 5)})


def test_weights_are_their_layers_own():
    alone = initialised(nn.ModuleDict({"b": nn.Linear(4, 5)}))
    among_others = initialised(pair())
    assert torch.equal(alone["b.weight"], among_others["b.weight"])
    assert not torch.equal(among_others["a.weight"], among_others["b.weight"])


def test_the_seed_decides_and_nothing_that_was_drawn_before():
    first = initialised(pair(), seed=3)
    torch.rand(10)
    assert same(first, initialised(pair(), seed=3))
    assert not torch.equal(first["a.weight"], initialised(pair(), seed=4)["a.weight"])


def test_the_callers_generator_stays_where_it_was():
    module, state = pair(), torch.random.get_rng_state()
    initialise(module, 0)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_part_has_the_weights_that_it_has_within_the_whole():
    whole = initialised(nn.ModuleDict({"part": pair()}))
    part = initialised(pair(), prefix="part")
    assert same({f"part.{name}": tensor for name, tensor in part.items()}, whole)
    assert not torch.equal(initialised(pair())["a.weight"], part["a.weight"])


def test_each_layer_is_drawn_as_pytorch_draws_it():
    weight = initialised(nn.ModuleDict({"a": nn.Linear(400, 500)}))["a.weight"]
    assert weight.abs().max() <= 400**-0.5
    assert abs(weight.std().item() / (400**-0.5 / 3**0.5) - 1) < 0.02


@pytest.mark.parametrize("word", models())
def test_layers_give_all_first_values_of_our_models(word):
    """Those that they do not give cost another building."""
    model = on_meta(models()[word], {})
    model.to_empty(device="cpu")
    forget(model)
    assert lacks_values(model) == any(True for _ in chain(model.parameters(), model.buffers()))
    initialise(model, seed=0)
    assert not lacks_values(model)
