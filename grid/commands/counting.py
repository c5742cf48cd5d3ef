"""Counting what a model does, from shapes alone: on the meta device, where tensors have no values."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from grid.commands.operations import Asked, Costs
from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch, Progress
from hd2s.approaches.registry import approaches
from hd2s.models.registry import find_model, on_meta
from hd2s.prediction.operations import bytes_of, counter, frame_operations
from hd2s.training.turns import Drawn


def count(asked: Asked) -> Costs:
    """Count what a training's model does; nothing is computed."""
    built = on_meta(find_model(asked.model).model, dict(asked.options))
    with torch.device("meta"):
        learner = approaches()[asked.approach].learner(built, LearnerOptions())
    weights, trained = bytes_of(learner.result()), bytes_of(learner)
    frame = frame_operations(learner.result(), asked.domain)
    # Batch norms count as no operations, and finding shapes through them takes most of the time.
    for module in list(learner.modules()):
        for name, child in module.named_children():
            if isinstance(child, _BatchNorm):
                setattr(module, name, nn.Identity())
    window = built.config.input
    clips = built.normalise(torch.empty(1, asked.frames, *window.size, 3, dtype=torch.uint8, device="meta"))
    answered = 1 if window.answers == "last" else asked.frames
    maps = torch.empty(1, answered, *window.size, device="meta")
    fixations = maps if built.config.needs_fixations else None
    labelled = MicroBatch(clips, maps, domain=asked.domain, fixations=fixations)
    batches = [labelled], [MicroBatch(clips)] if asked.unlabelled else []
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
