"""Operations of a model and bytes of its weights, counted from shapes alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from grid.plan import Training
from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch, Progress
from hd2s.approaches.registry import approaches
from hd2s.models.registry import find_model, on_meta
from hd2s.prediction.operations import bytes_of, counter, frame_operations
from hd2s.training.iteration import Drawn


@dataclass(frozen=True)
class Costs:
    """Operations of a model, and the bytes of its weights.

    Attributes:
        step: operations of a training step on one clip of each corpus that it draws from.
        forward: of a forward pass.
        frame: of a frame in prediction, with what neighbouring windows have in common computed once.
        weights: bytes.
        trained: bytes of all that is trained, with what is left behind.
    """

    step: int
    forward: int
    frame: int
    weights: int
    trained: int

    @property
    def state(self) -> int:
        """Bytes of a state to resume from: what is trained with two moments of it, and the best weights."""
        return 3 * self.trained + self.weights


def costs_of(training: Training) -> Costs:
    """Count what a training's model does."""
    spec = training.spec
    options = json.dumps(dict(spec.model.options), sort_keys=True)
    domain = spec.model.config.domain_of(spec.validation.corpus)
    return _count(spec.model.name, options, spec.approach.name, domain, bool(spec.unlabelled))


@cache
def _count(model: str, options: str, approach: str, domain: str | None, unlabelled: bool) -> Costs:
    """Count on the meta device, where tensors have shapes and no values: nothing is computed."""
    built = on_meta(find_model(model).model, json.loads(options))
    with torch.device("meta"):
        learner = approaches()[approach].learner(built, LearnerOptions())
    weights, trained = bytes_of(learner.result()), bytes_of(learner)
    frame = frame_operations(learner.result(), domain)
    # Batch norms count as no operations, and finding shapes through them takes most of the time.
    for module in list(learner.modules()):
        for name, child in module.named_children():
            if isinstance(child, _BatchNorm):
                setattr(module, name, nn.Identity())
    window = built.config.input
    clips = built.normalise(torch.empty(1, window.frames, *window.size, 3, dtype=torch.uint8, device="meta"))
    answered = 1 if window.answers == "last" else window.frames
    maps = torch.empty(1, answered, *window.size, device="meta")
    fixations = maps if built.config.needs_fixations else None
    labelled = MicroBatch(clips, maps, domain=domain, fixations=fixations)
    batches = [labelled], [MicroBatch(clips)] if unlabelled else []
    step, forward = _count_step(learner, batches)
    return Costs(step, forward, frame, weights, trained)


def _count_step(learner: Learner, batches: Drawn) -> tuple[int, int]:
    """Count a whole step, and the forward pass in it."""
    # In the middle of a training: an end may be another thing.
    losses = learner.losses(*batches, Progress(1, 2))
    with counter() as found:
        loss, _ = next(losses)
        # A domain branch beside the maps adds 0.2 %.
        forward = found.get_total_flops()
        if not loss.requires_grad:
            return 0, forward
        loss.backward()
        for loss, _ in losses:
            loss.backward()
    return found.get_total_flops(), forward
