"""Adaptation's control: all that adaptation does, with λ = 0.

The target's clips pass, batch norms and all, and classifiers learn to tell the domains apart; but no gradient
of theirs reaches the model. What adaptation gains on this is gradient reversal's; what this gains on
generalization is not.
"""

from __future__ import annotations

from dataclasses import replace

from hd2s.approaches import adaptation
from hd2s.approaches.adaptation import AdversarialLearner
from hd2s.approaches.contract import LearnerOptions
from hd2s.models.contract import SaliencyModel


class ControlLearner(AdversarialLearner):
    """Gradient reversal without strength, whatever strength is asked for."""

    def __init__(self, model: SaliencyModel, options: LearnerOptions):
        super().__init__(model, replace(options, strength=0.0))


APPROACH = replace(
    adaptation.APPROACH,
    word="adaptation-control",
    title="Adaptation, λ = 0",
    learner=ControlLearner,
    follows_lambda=False,
    colour="#E69FC4",
)
