"""The learner of Adaptation, λ = 0; what that is, and whose, says `hd2s.approaches.adaptation_control`."""

from __future__ import annotations

from dataclasses import replace

from hd2s.approaches.contract import LearnerOptions
from hd2s.approaches.learners.adaptation import AdversarialLearner
from hd2s.models.contract import SaliencyModel


class ControlLearner(AdversarialLearner):
    """Gradient reversal without strength, whatever strength is asked for."""

    capturable = True

    def __init__(self, model: SaliencyModel, options: LearnerOptions):
        super().__init__(model, replace(options, strength=0.0))
