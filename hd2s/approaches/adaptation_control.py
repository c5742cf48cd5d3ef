"""Adaptation's control: all that adaptation does, with λ = 0.

The target's clips pass, batch norms and all, and classifiers learn to tell the domains apart; but no gradient
of theirs reaches the model. What adaptation gains on this is gradient reversal's; what this gains on
generalization is not.
"""

from __future__ import annotations

from dataclasses import replace

from hd2s.approaches import adaptation
from hd2s.registry import Later

APPROACH = replace(
    adaptation.APPROACH,
    word="adaptation-control",
    title="Adaptation, λ = 0",
    learner=Later("hd2s.approaches.learners.adaptation_control", "ControlLearner"),
    follows_lambda=False,
    colour="#E69FC4",
)
