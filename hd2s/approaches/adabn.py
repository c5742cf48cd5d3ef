"""AdaBN: the source's model, its batch norms' statistics estimated anew on the target (Li et al., 2016).

"Revisiting Batch Normalization For Practical Domain Adaptation", arXiv 1603.04779. No gradient and no label:
y = γ (x − μ_T) / √(σ_T² + ε) + β, with the source's γ and β. The statistics are those of all values in all
clips, of all workers together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hd2s.approaches.batch_norm_statistics import BatchNormStatistics, train_batch_norms_alone
from hd2s.approaches.contract import (
    Approach,
    Learner,
    LearnerOptions,
    MicroBatch,
    Progress,
    Terms,
    target_alone,
)
from hd2s.models.config import Fault, PlainConfig
from hd2s.models.contract import SaliencyModel


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


class AdaBNLearner(Learner):
    """A frozen model that looks at clips."""

    def __init__(self, model: SaliencyModel, options: LearnerOptions):
        super().__init__(model.requires_grad_(False), options)
        self.statistics = BatchNormStatistics(model)

    def train(self, mode: bool = True) -> AdaBNLearner:
        """Let nothing of the model be in training but its batch norms."""
        super().train(mode)
        if mode:
            train_batch_norms_alone(self.model)
        return self

    def losses(
        self, labelled: Sequence[MicroBatch], unlabelled: Sequence[MicroBatch], progress: Progress
    ) -> Iterator[tuple[Tensor, Terms]]:
        """Look at the target's clips; the loss, nothing, has no gradient."""
        del labelled, progress
        (target,) = unlabelled
        with torch.no_grad(), self.statistics.gathering(self.model):
            self.model(target.clips, domain=target.domain)
        yield target.clips.new_zeros(()), {}

    def watched(self, progress: Progress) -> Mapping[str, float]:
        """Return how many micro-batches have been looked at, by all workers."""
        return {"micro_batches": float((progress.iteration + 1) * progress.accumulate)}

    def result(self) -> SaliencyModel:
        """Return the model with the statistics of what has been seen so far."""
        self.statistics.write(self.model)
        return self.model


APPROACH = Approach(
    word="adabn",
    title="AdaBN",
    labelled=lambda sources, target: (),
    unlabelled=target_alone,
    learner=AdaBNLearner,
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
