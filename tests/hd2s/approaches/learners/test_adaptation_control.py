"""Adaptation's control: everything but the gradient."""

import torch

from hd2s import build_model
from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch, Progress
from hd2s.approaches.learners.adaptation_control import ControlLearner
from tests.hd2s.models.small_models import SMALL, clips, micro_batch

NOW = Progress(50, 100)


def learner_of(kind):
    return kind(build_model("hd2s", seed=0, **SMALL), LearnerOptions(strength=0.5))


def test_the_model_has_the_gradient_of_plain_supervision_and_the_classifiers_have_their_own():
    """Whatever strength is asked for. Target clips pass, which the model's statistics show."""
    control, plain = learner_of(ControlLearner), learner_of(Learner)
    for learner in (control, plain):
        for loss, _ in learner.losses([micro_batch()], [MicroBatch(clips(2, 1))], NOW):
            loss.backward()
    for name, parameter in plain.model.named_parameters():
        found = control.model.get_parameter(name).grad
        torch.testing.assert_close(found, parameter.grad, rtol=0, atol=0)
    assert all(p.grad.abs().max() > 0 for p in control.classifiers.parameters() if p.dim() > 1)
    norm, others = (one.model.backbone.block1[0].spatial.norm for one in (control, plain))
    assert not torch.equal(norm.running_mean, others.running_mean)
    assert control.watched(NOW) == {"lambda": 0.0}
