"""What a learner must be that a test can load what it ends with, and what it yields."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from hd2s import build_model
from hd2s.approaches.contract import Learner, LearnerOptions
from hd2s.approaches.learners.calibration import CalibratedModel
from hd2s.approaches.required import require_learner, require_losses
from hd2s.approaches.surrounded import Surrounded
from hd2s.models.contract import SaliencyModel
from tests.hd2s.models.small_models import SMALL

ONE = torch.tensor(1.0)


class Gain(Surrounded):
    def __init__(self, model):
        super().__init__(model)
        self.gain = nn.Parameter(torch.ones(3))


class Wider(Gain):
    def __init__(self, model):
        super().__init__(model)
        self.gain = nn.Parameter(torch.ones(4))


class Bare(SaliencyModel):
    """Forgets whose model it is, and how that normalises."""

    def __init__(self, model):
        super().__init__(model.config)
        self.inner = model


class Declared(Bare):
    def __init__(self, model):
        super().__init__(model)
        self.declaration = model.declaration


class Normalising(SaliencyModel):
    def normalise(self, clips):
        return clips


def model():
    return build_model("hd2s", seed=0, **SMALL)


def learner(around=None, *, anew=False):
    class Own(Learner):
        def __init__(self, model, options):
            super().__init__(model, options)
            if not anew:
                self.outer = around(model) if around else model

        def result(self):
            return around(self.model) if anew else self.outer

    return Own(model(), LearnerOptions())


def test_what_can_be_tested_is_taken():
    for around in (None, Gain, Declared):
        found = learner(around)
        assert require_learner(found, model(), lambda of=around: of(model()) if of else model()) is found


def test_a_mean_of_trained_weights_may_be_made_anew_each_time():
    """It is made for each validation and for what is saved, and was told to be an attribute."""

    class Means(Learner):
        def result(self):
            return deepcopy(self.model)

    assert require_learner(Means(model(), LearnerOptions()), model(), model)


@pytest.mark.parametrize(
    ("found", "tested", "told"),
    [
        (
            learner(Gain),
            None,
            r"`result\(\)` is to have the entries of a tested model, found .*gain unexpected",
        ),
        (learner(), Gain, r"gain missing.*`Approach.around` puts around it in tests"),
        (learner(Wider), Gain, r"found gain of another shape"),
        (learner(Bare), Bare, r"is to have the model's `declaration`: extend Surrounded"),
        (
            learner(Gain, anew=True),
            Gain,
            r"weights of the learner's, found others in gain: make it in `__init__`",
        ),
    ],
)
def test_what_a_test_could_not_load_is_told(found, tested, told):
    with pytest.raises(ValueError, match=told):
        require_learner(found, model(), lambda: tested(model()) if tested else model())


def test_what_is_around_a_model_normalises_as_that_does(monkeypatch):
    monkeypatch.setattr(type(model()), "normalise", Normalising.normalise)
    assert require_learner(learner(Gain), model(), lambda: Gain(model()))
    told = r"`result\(\)` is to have the model's own normalise, found those of any model"
    with pytest.raises(ValueError, match=told):
        require_learner(learner(Declared), model(), lambda: Declared(model()))


def test_what_is_trained_around_a_model_is_trained_as_that_is(monkeypatch):
    monkeypatch.setattr(type(model()), "lr_share", lambda model, clips: 0.5)
    for around in (Gain, CalibratedModel):
        inside = Learner(around(model()), LearnerOptions())
        assert require_learner(inside, model(), lambda of=around: of(model()))
    with pytest.raises(ValueError, match="`model` is to have the model's own losses, lr_share, found"):
        require_learner(Learner(Declared(model()), LearnerOptions()), model(), lambda: Declared(model()))


def test_what_is_no_learner_or_ends_with_no_model_is_told():
    with pytest.raises(TypeError, match="`learner` is to return a Learner, found a HD2S"):
        require_learner(model(), model(), model)
    with pytest.raises(TypeError, match=r"`result\(\)` is to be a SaliencyModel, found a NoneType"):
        require_learner(learner(lambda inner: None), model(), model)


def test_a_loss_with_its_terms_is_taken():
    assert require_losses((ONE, {"kld": ONE})) is ONE


@pytest.mark.parametrize(
    ("yielded", "told"),
    [
        (ONE, r"pairs, a loss and its terms by name, found a tensor \(\)"),
        ((ONE, ONE), "pairs, a loss and its terms"),
        (
            (ONE.expand(2), {}),
            r"the loss that `losses` yields is to be a tensor of one number, found a tensor \(2,\)",
        ),
        ((0.5, {}), "the loss that `losses` yields is to be a tensor of one number, found 0.5"),
        ((ONE, {"kld": 0.5}), "kld that `losses` yields is to be a tensor of one number, found 0.5"),
    ],
)
def test_what_is_no_loss_with_its_terms_is_told(yielded, told):
    with pytest.raises(TypeError, match=told):
        require_losses(yielded)
