"""A model with something around it: all that is not changed is the model's."""

from dataclasses import replace

import torch

from hd2s import build_model
from hd2s.approaches.surrounded import Surrounded
from hd2s.models.contract import ParameterGroup
from tests.hd2s.models.small_models import SMALL, clips
from tests.hd2s.models.toy_models import TOY, OrderSensitive, declared


class Doubled(Surrounded):
    def entering(self, clips):
        return clips / 2

    def leaving(self, prediction):
        return replace(prediction, saliency=2 * prediction.saliency)


def test_without_changes_it_does_as_the_model_inside():
    model = build_model("hd2s", seed=0, **SMALL).eval()
    outer = Surrounded(model).eval()
    bytes_ = torch.randint(256, (1, *clips().shape[2:], 3), dtype=torch.uint8)
    assert torch.equal(outer.normalise(bytes_), model.normalise(bytes_))
    found, expected = outer(clips()), model(clips())
    assert torch.equal(found.saliency, expected.saliency)
    assert torch.equal(outer.answer(clips()).saliency, expected.saliency)
    maps = torch.rand_like(expected.saliency)
    assert outer.losses(found, maps).keys() == model.losses(expected, maps).keys()
    assert outer.sized(found, maps) is found
    assert (outer.declaration.word, outer.config) == ("hd2s", model.config)
    assert outer.learnt(None) == model.learnt(None)


class Slow(OrderSensitive):
    """Its scale moves at a tenth of the learning rate, and all of it at half of that."""

    def parameter_groups(self):
        return [ParameterGroup(self.parameters(), lr=0.1, frozen=3)]

    def lr_share(self, clips):
        return 0.5

    def blocks(self):
        return [self.dropout]


class Gain(Surrounded):
    def __init__(self, model):
        super().__init__(model)
        self.gain = torch.nn.Parameter(torch.ones(()))


def test_the_model_inside_is_trained_as_it_says():
    """All of it had the whole learning rate: an encoder at a hundredth of it moved too fast."""
    model = declared(replace(TOY, build=Slow))
    outer = Gain(model)
    groups = [(group.lr, group.frozen, list(map(id, group.parameters))) for group in outer.parameter_groups()]
    assert groups == [(0.1, 3, list(map(id, model.parameters()))), (1.0, 0, [id(outer.gain)])]
    assert outer.lr_share(clips()) == 0.5
    assert [*outer.blocks()] == [model.dropout]


def test_what_enters_and_what_leaves_are_changed_in_every_way_of_predicting():
    model = build_model("hd2s", seed=0, **SMALL).eval()
    outer = Doubled(model).eval()
    expected = 2 * model(clips() / 2).saliency
    torch.testing.assert_close(outer(clips()).saliency, expected)
    torch.testing.assert_close(outer.answer(clips()).saliency, expected)
    assert outer.stream(None) is None
