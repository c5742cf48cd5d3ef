"""A training's settings as the loop's parts take them: how it accumulates, and its optimiser."""

from __future__ import annotations

from typing import Literal, cast

from grid.plan import TrainingSpec
from grid.specs.settings import Train
from hd2s.approaches.protocol import TrainingProtocol
from hd2s.training.iteration import Recipe
from hd2s.training.optimiser import Curve, Kind, OptimiserOptions
from hd2s.training.turns import worker_share

# Settings that are words are those that are known, as `grid.specs.settings_checks` has seen to.


def recipe_of(spec: TrainingSpec, rank: int) -> Recipe:
    """Return what all iterations of a training share on its worker of this rank."""
    train, sources = spec.train, tuple(entry.corpus for entry in spec.labelled)
    protocol = TrainingProtocol(
        gradients=cast(Literal["mean", "sum"], train.gradients),
        lambda_every=cast(Literal["iteration", "micro-batch"], train.lambda_every),
        adversarial_multi_level=train.adversarial_multi_level,
    )
    return Recipe(
        iterations=train.iterations,
        accumulate=worker_share(train.accumulate, rank, train.world_size),
        of_all=train.accumulate,
        protocol=protocol,
        clip_gradient=train.clip_gradient,
        non_finite=cast(Literal["stop", "skip"], train.non_finite),
        # On one source it is the loss itself.
        sources=sources if len(sources) > 1 else (),
    )


def optimiser_options(train: Train) -> OptimiserOptions:
    """Return what a training's optimiser is."""
    return OptimiserOptions(
        kind=cast(Kind, train.optimiser),
        lr=train.lr,
        weight_decay=train.weight_decay,
        momentum=train.momentum,
        lr_curve=cast(Curve, train.lr_curve),
        lr_decay=train.lr_decay,
        lr_milestones=tuple(train.lr_milestones),
        lr_period=train.lr_period,
        lr_warmup=train.lr_warmup,
        iterations=train.iterations,
    )
