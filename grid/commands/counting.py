"""Counting what a model does, by the shapes of its tensors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from grid.commands.operations import Asked, Costs
from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch, Progress
from hd2s.approaches.registry import approaches
from hd2s.approaches.required import require_learner, require_losses, require_something_trained
from hd2s.checks import require_known
from hd2s.models.answers import require_answer
from hd2s.models.config import ModelConfig
from hd2s.models.contract import SaliencyModel
from hd2s.models.registry import build_model, find_model, on_meta
from hd2s.models.sound import require_entries, require_groups, require_parameters, require_values
from hd2s.prediction.operations import by_shapes, bytes_of, counter, frame_operations
from hd2s.training.turns import Drawn


@torch.inference_mode(False)
@torch.enable_grad()
def count(asked: Asked) -> Costs:
    """Count what a training's model does, by shapes.

    It is the same for who asks without gradients: what is counted is kept for all who ask later.
    """
    return by_shapes(partial(_count, asked))


def _count(asked: Asked, device: torch.device) -> Costs:
    built = _built(asked, device)
    approach = approaches()[asked.approach]
    given = (asked.settings or {}).items()
    own = {name: tuple(value) if isinstance(value, list) else value for name, value in given}

    def tested() -> SaliencyModel:
        model = _built(asked, device)
        return approach.around(model) if approach.around else model

    with device:
        settings = approach.settings and approach.settings(**own)
        learner = require_learner(approach.learner(built, LearnerOptions(settings=settings)), built, tested)
    require_parameters(learner)
    require_something_trained(learner, approach)
    frame = frame_operations(learner.result(), asked.domain)
    window, clips = built.config.input, _clips(built, asked, device)
    maps = torch.ones(1, len(window.answered(asked.frames)), *window.size, device=device)
    fixations = maps if built.config.needs_fixations or approach.needs_fixations else None
    labelled = _micro_batch(clips, asked.source, asked.domain, maps=maps, fixations=fixations)
    unlabelled = _micro_batch(clips, asked.target, built.config.domain_of(asked.target))
    state = learner.state_dict()
    step, forward = _count_step(learner, ([labelled], [unlabelled] if asked.unlabelled else []))
    require_entries("the learner", learner, state)
    # Afterwards: lazy layers have got their shapes.
    return Costs(step, forward, frame, weights=bytes_of(learner.result()), trained=bytes_of(learner))


@torch.inference_mode(False)
def require_answer_of(asked: Asked) -> None:
    """Make sure that a model answers clips with what others rely on.

    Raises:
        ValueError: its prediction has another type or shape, or what is seen of a clip alone is not right.
    """
    declared = find_model(asked.model).model

    def asks(device: torch.device) -> None:
        model = _built(asked, device)
        require_known(type(model), SaliencyModel)
        require_known(declared.config, ModelConfig)
        if declared.trains:
            require_groups(model)
            require_parameters(model)
        with torch.inference_mode():
            clips = _clips(model, asked, device)
            require_answer(model(clips, domain=asked.domain), clips, model.config)
            if model.config.input.answers == "every":
                state = model.answer(clips, asked.domain).state
                require_answer(model.answer(clips, asked.domain, state), clips, model.config)

    by_shapes(asks)
    if declared.trains:
        build = partial(build_model, asked.model, seed=0, **asked.options)
        shown = declared.config(**asked.options).input
        require_values(build, (1, asked.frames, *shown.size, 3), asked.domain)


def _built(asked: Asked, device: torch.device) -> SaliencyModel:
    if device.type == "meta":
        return on_meta(find_model(asked.model).model, dict(asked.options))
    return build_model(asked.model, seed=0, **asked.options)


def _clips(model: SaliencyModel, asked: Asked, device: torch.device) -> Tensor:
    shape = (1, asked.frames, *model.config.input.size, 3)
    return model.normalise(torch.zeros(shape, dtype=torch.uint8, device=device))


def _micro_batch(clips: Tensor, corpus: str, domain: str | None, **labels: Tensor | None) -> MicroBatch:
    return MicroBatch(clips, keys=[f"{corpus}/a clip"], domain=domain, source=corpus, **labels)


def _count_step(learner: Learner, batches: Drawn) -> tuple[int, int]:
    """Count a whole step, and the forward pass in it."""
    # In the middle of a training: an end may be another thing.
    losses: object = learner.losses(*batches, Progress(1, 2))
    if not isinstance(losses, Iterator):
        raise TypeError(f"`losses` is to yield them, found a {type(losses).__name__} that it returns")
    with counter() as found:
        if (first := next(losses, None)) is None:
            raise ValueError("`losses` is to yield one or more, found none")
        loss = require_losses(first)
        # A domain branch beside the maps adds 0.2 %.
        forward = found.get_total_flops()
        if not loss.requires_grad:
            return 0, forward
        loss.backward()
        for yielded in losses:
            if (loss := require_losses(yielded)).requires_grad:
                loss.backward()
    return found.get_total_flops(), forward
