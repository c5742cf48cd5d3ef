"""AdaBN: the source's model, its batch norms' statistics estimated anew on the target (Li et al., 2016).

"Revisiting Batch Normalization For Practical Domain Adaptation", arXiv 1603.04779. No gradient and no label:
y = γ (x − μ_T) / √(σ_T² + ε) + β, with the source's γ and β. The statistics are those of all values in all
clips, of all workers together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hd2s.approaches.declaration import Approach, target_alone
from hd2s.models.config import Fault, PlainConfig
from hd2s.registry import Later


@dataclass(frozen=True)
class AdaBNSettings(PlainConfig):
    """How much of the target is looked at.

    Attributes:
        iterations: each of `train.accumulate` micro-batches, 200 clips in HD2S's setting. The paper knows no
            such number: it takes all of the target.
    """

    iterations: int = 10

    def faults(self) -> Iterable[Fault]:
        """List what cannot work."""
        if self.iterations < 1:
            yield "iterations", "1 or more"


APPROACH = Approach(
    word="adabn",
    title="AdaBN",
    labelled=lambda sources, target: (),
    unlabelled=target_alone,
    learner=Later("hd2s.approaches.learners.adabn", "AdaBNLearner"),
    parent="generalization",
    needs_target=True,
    settings=AdaBNSettings,
    iterations=lambda settings: settings.iterations,
    # The source's validation would choose what has seen least of the target.
    keeps="last",
    follows_lambda=False,
    smallest_batch=2,
    colour="#882255",
    improves_on="generalization",
)
