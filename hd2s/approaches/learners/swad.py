"""The learner of SWAD; what that is, and whose, says `hd2s.approaches.swad`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from hd2s.approaches.batch_norm_statistics import (
    BatchNormStatistics,
    batch_norms,
    train_batch_norms_alone,
)
from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch, Progress, Terms
from hd2s.approaches.swad import SwadSettings
from hd2s.models.contract import SaliencyModel

Weights = dict[str, Tensor]


@dataclass
class Segment:
    """The iterations between two validations: their mean weights, how many, and the loss that they end in."""

    weights: Weights
    iterations: int
    loss: float

    def add(self, other: Segment) -> None:
        """Take in the iterations of another."""
        of_all = self.iterations + other.iterations
        for name, mean in self.weights.items():
            mean.lerp_(other.weights[name].to(mean), other.iterations / of_all)
        self.iterations = of_all


@dataclass
class Valley:
    """The loss valley of a training: the segments from its first minimum on until it overfits.

    Attributes:
        settings: when it begins and ends.
        waiting: segments on which nothing is decided.
        mean: of those in the valley; None before it.
        threshold: of losses in the valley.
        left: whether it has ended.
    """

    settings: SwadSettings
    waiting: list[Segment] = field(default_factory=list)
    mean: Segment | None = None
    threshold: float = math.inf
    left: bool = False

    def see(self, segment: Segment) -> None:
        """Take in the next segment."""
        if self.left:
            return
        self.waiting.append(segment)
        losses = [each.loss for each in self.waiting]
        if self.mean is None:
            if len(losses) < self.settings.patience:
                return
            first = self.waiting.pop(0)
            if first.loss == min(losses):
                self.mean = first
                self.threshold = (1 + self.settings.ratio) * sum(losses) / len(losses)
        while self.mean and not self.left and len(self.waiting) >= self.settings.tolerance:
            self._decide(self.mean)

    def end(self) -> Segment | None:
        """Decide on what is waiting, and return the mean; the last segment where there is no valley."""
        if self.mean is None:
            return self.waiting[-1] if self.waiting else None
        while self.waiting and not self.left:
            self._decide(self.mean)
        return self.mean

    def _decide(self, mean: Segment) -> None:
        self.left = min(each.loss for each in self.waiting[: self.settings.tolerance]) > self.threshold
        if self.left:
            self.waiting = []
        else:
            mean.add(self.waiting.pop(0))


class SwadLearner(Learner):
    """Plain supervision, then the valley's mean weights, whose statistics are gathered.

    Weights and losses are the same on all workers, and so is the mean; statistics are of all workers' clips.
    """

    def __init__(self, model: SaliencyModel, options: LearnerOptions):
        super().__init__(model, options)
        self.settings = options.settings or SwadSettings()
        self.statistics = BatchNormStatistics(model)
        self.valley, self.current = Valley(self.settings), Segment({}, 0, math.nan)
        self.settled = False

    def losses(
        self, labelled: Sequence[MicroBatch], unlabelled: Sequence[MicroBatch], progress: Progress
    ) -> Iterator[tuple[Tensor, Terms]]:
        """Yield the source's loss; towards the end without a gradient.

        Batch norms that a model trains with the statistics that they came with (UNISAL's encoder) keep them.
        """
        begins = progress.iterations - min(self.settings.statistics, progress.iterations // 4)
        if progress.iteration < begins:
            yield from super().losses(labelled, unlabelled, progress)
            return
        self._settle()
        train_batch_norms_alone(self.model, [norm for norm in batch_norms(self.model) if norm.training])
        # Not while it waits: whoever takes the losses would be without gradients, and stay so after an error.
        with torch.no_grad(), self.statistics.gathering(self.model):
            losses = list(super().losses(labelled, unlabelled, progress))
        yield from losses

    @torch.no_grad()
    def after_step(self) -> None:
        """Take the iteration's weights into the mean since the last validation."""
        if self.settled:
            return
        weights = {name: parameter.detach().clone() for name, parameter in self.model.named_parameters()}
        if self.current.weights:
            self.current.add(Segment(weights, 1, math.nan))
        else:
            self.current = Segment(weights, 1, math.nan)

    def after_validation(self, loss: float) -> None:
        """Place the iterations since the last validation."""
        if not self.settled and self.current.iterations:
            self.current.loss = loss
            self.valley.see(self.current)
            self.current = Segment({}, 0, math.nan)

    def result(self) -> SaliencyModel:
        """Return the model, with the statistics of the clips that its mean weights have seen."""
        if self.settled:
            self.statistics.write(self.model)
        return self.model

    @torch.no_grad()
    def _settle(self) -> None:
        if self.settled:
            return
        self.settled = True
        if found := self.valley.end():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(found.weights[name])
        self.valley = Valley(self.settings, left=True)

    def get_extra_state(self) -> dict[str, Any]:
        """Return what an interrupted training must get back beside weights."""
        valley = {name: value for name, value in asdict(self.valley).items() if name != "settings"}
        return {"valley": valley, "current": asdict(self.current), "settled": self.settled}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Go on from it."""
        valley = state["valley"]
        waiting = [self._segment(each) for each in valley["waiting"]]
        mean = valley["mean"] and self._segment(valley["mean"])
        self.valley = Valley(self.settings, **valley | {"waiting": waiting, "mean": mean})
        self.current, self.settled = self._segment(state["current"]), state["settled"]

    def _segment(self, saved: dict[str, Any]) -> Segment:
        """Bring a segment to the model's device, where means are rounded as they were."""
        device = next(self.model.parameters()).device
        return Segment(**saved | {"weights": {name: x.to(device) for name, x in saved["weights"].items()}})
