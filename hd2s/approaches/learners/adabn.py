"""The learner of AdaBN; what that is, and whose, says `hd2s.approaches.adabn`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from hd2s.approaches.batch_norm_statistics import BatchNormStatistics, train_batch_norms_alone
from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch, Progress, Terms
from hd2s.models.contract import SaliencyModel


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
