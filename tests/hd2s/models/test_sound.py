"""What a model computes and holds that looks right by its shapes alone."""

import numpy as np
import pytest
import torch
from torch import nn

from hd2s.layers.initialisation import initialise
from hd2s.models.contract import ParameterGroup, Prediction, SaliencyModel
from hd2s.models.sound import require_groups, require_parameters, require_values
from tests.hd2s.models.toy_models import ToyConfig

SHAPE = (1, 4, 6, 7, 3)


class Plain(SaliencyModel):
    def __init__(self):
        super().__init__(ToyConfig(frames=4))
        self.layer = nn.Conv2d(3, 1, 1)
        self.head = nn.Conv2d(1, 1, 1)

    def forward(self, clips, domain=None, *, unlabelled=False):
        return Prediction(self.head(self.layer(clips[:, :, -1])).sigmoid())


class Listed(Plain):
    def __init__(self):
        super().__init__()
        self.more = {"a": [nn.Linear(2, 2)][0]}


class Nested(Plain):
    def __init__(self):
        super().__init__()
        self.more = [("a", [nn.Linear(2, 2)])]


class Own(Plain):
    """Has in a list what it has anyway, what is not to be trained, and the list itself."""

    def __init__(self):
        super().__init__()
        self.all = [self.layer, self.head, nn.Linear(2, 2).requires_grad_(False)]
        self.all.append(self.all)


class Grouped(Plain):
    groups = ("layer", "head")

    def parameter_groups(self):
        return [ParameterGroup(getattr(self, name).parameters()) for name in self.groups]


class Partly(Grouped):
    groups = ("head",)


class Twice(Grouped):
    groups = ("layer", "head", "head")


class Drawn(Plain):
    def __init__(self):
        super().__init__()
        self.register_buffer("noise", torch.from_numpy(np.random.default_rng().random(3)))


class Logits(Plain):
    def forward(self, clips, domain=None, *, unlabelled=False):
        return Prediction(super().forward(clips).saliency - 1)


class Nan(Plain):
    def forward(self, clips, domain=None, *, unlabelled=False):
        return Prediction(super().forward(clips).saliency * torch.nan)


class InPlace(Plain):
    def forward(self, clips, domain=None, *, unlabelled=False):
        return super().forward(clips.mul_(0.5))


class Made(Plain):
    """Makes a buffer when it is used."""

    persistent = True

    def forward(self, clips, domain=None, *, unlabelled=False):
        self.register_buffer("place", clips[0, 0], persistent=self.persistent)
        return super().forward(clips)


class Remade(Made):
    persistent = False


class Noisy(Plain):
    def forward(self, clips, domain=None, *, unlabelled=False):
        return super().forward(nn.functional.dropout(clips, 0.5))


class NoisyDensity(Noisy):
    """Of which all pixels of a large frame are small."""

    def forward(self, clips, domain=None, *, unlabelled=False):
        return Prediction(1e-5 * super().forward(clips).saliency)


def seeded(kind):
    def build():
        built = kind()
        initialise(built, 0)
        return built

    return build


def test_a_sound_model_is_taken():
    for kind in (Plain, Own, Grouped, Remade):
        require_parameters(kind())
        require_groups(kind())
        require_values(seeded(kind), SHAPE, None)


def test_layers_in_a_list_are_told():
    with pytest.raises(
        ValueError, match=r"more is to be a ModuleList, .* found a dict, whose weights are neither"
    ):
        require_parameters(Listed())
    with pytest.raises(ValueError, match=r"0\.more is to be"):
        require_parameters(nn.Sequential(Listed()))
    with pytest.raises(ValueError, match=r"more is to be .* found a list"):
        require_parameters(Nested())


def test_parameters_may_be_given_as_they_come():
    """A generator was empty when the optimiser asked for them, and nothing was trained."""
    (group, *_) = Grouped().parameter_groups()
    assert len(list(group.parameters)) == len(list(group.parameters)) == 2


@pytest.mark.parametrize(
    ("kind", "told"),
    [(Partly, "layer.weight, layer.bias left out"), (Twice, "head.weight, head.bias repeated")],
)
def test_groups_that_are_not_all_parameters_once_are_told(kind, told):
    with pytest.raises(ValueError, match=f"each parameter once, found {told}"):
        require_groups(kind())


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Drawn, "same first weights of one seed, .* found others each time in noise"),
        (Logits, r"saliency is to be 0 or more everywhere, found -0\.\d+: end in sigmoid or softmax"),
        (Nan, "saliency is to be 0 or more everywhere, found nan"),
        (InPlace, "leave its clips as they are, found them changed in place"),
        (Noisy, "answer a clip alike each time in evaluation"),
        (NoisyDensity, "answer a clip alike each time in evaluation"),
        (Made, r"the model is to have all that is saved of it before it is used, found place since: make it"),
    ],
)
def test_values_that_no_training_can_do_with_are_told(kind, told):
    with pytest.raises(ValueError, match=told):
        require_values(seeded(kind), SHAPE, None)
