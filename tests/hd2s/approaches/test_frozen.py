"""A model that stays as it is, with something behind its maps."""

from dataclasses import replace

import torch

from hd2s import build_model
from hd2s.approaches.frozen import FrozenModel
from hd2s.layers.folded import Casting
from hd2s.models.contract import ParameterGroup
from tests.hd2s.models.small_models import SMALL, clips
from tests.hd2s.models.toy_models import TOY, OrderSensitive, declared


class Halved(FrozenModel):
    def behind(self, maps):
        return maps / 2


def frozen():
    model = build_model("hd2s", seed=0, **SMALL)
    return model, Halved(model).train()


def test_it_stays_in_evaluation_mode_and_nothing_of_it_learns():
    model, outer = frozen()
    assert not any(module.training for module in outer.modules())
    assert not any(parameter.requires_grad for parameter in outer.parameters())
    assert outer.model is model


def test_maps_are_changed_and_all_else_is_the_models():
    model, outer = frozen()
    ours, theirs = outer(clips()), model(clips())
    torch.testing.assert_close(ours.saliency, theirs.saliency / 2)
    assert ours.auxiliary.keys() == theirs.auxiliary.keys()
    torch.testing.assert_close(outer.answer(clips()).saliency, theirs.saliency / 2)
    assert outer.declaration.word == "hd2s"


def test_a_stream_is_changed_likewise():
    model, outer = frozen()
    frames = clips(1)[0].unsqueeze(0)
    cast = Casting(torch.device("cpu"), torch.float32, None)
    pushed = [each.stream(cast).begin()(frames) for each in (outer, model)]
    torch.testing.assert_close(pushed[0], pushed[1] / 2)


class Slow(OrderSensitive):
    def parameter_groups(self):
        return [ParameterGroup(self.parameters(), lr=0.1, frozen=3)]

    def lr_share(self, clips):
        return 0.5


def test_what_is_behind_moves_at_its_own_rate():
    outer = Halved(declared(replace(TOY, build=Slow)))
    assert [(group.lr, group.frozen) for group in outer.parameter_groups()] == [(1.0, 0)]
    assert outer.lr_share(clips()) == 1.0
