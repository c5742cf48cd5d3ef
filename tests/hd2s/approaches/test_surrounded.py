"""A model with something around it: all that is not changed is the model's."""

from dataclasses import replace

import torch

from hd2s import build_model
from hd2s.approaches.surrounded import Surrounded
from tests.hd2s.models.small_models import SMALL, clips


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


def test_what_enters_and_what_leaves_are_changed_in_every_way_of_predicting():
    model = build_model("hd2s", seed=0, **SMALL).eval()
    outer = Doubled(model).eval()
    expected = 2 * model(clips() / 2).saliency
    torch.testing.assert_close(outer(clips()).saliency, expected)
    torch.testing.assert_close(outer.answer(clips()).saliency, expected)
    assert outer.stream(None) is None
