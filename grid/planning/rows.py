"""A table's row while it is planned: its settings, and what of them a training and an evaluation take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from grid.plan import TrainingSpec
from grid.specs.settings import Config, Test, Train
from grid.specs.table import TableSpec, Variant
from hd2s.approaches.contract import Approach
from hd2s.models.config import ModelConfig
from manifests.problem import Problem, ProblemError


class Configure(Protocol):
    """What gives the settings of a row."""

    def __call__(self, model: str, under: Sequence[str], over: Sequence[str]) -> Config:
        """Return a model's settings with `under` under the user's, and `over` over them.

        Raises:
            ProblemError: some are unknown or impossible.
        """


@dataclass(frozen=True)
class Row:
    """One model's row of a table, for one variant and one point of the sweep.

    Attributes:
        distinction: what tells variant and point from others in labels.
    """

    table: TableSpec
    variant: str
    point: tuple[str, ...]
    config: Config
    distinction: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        """What the points of a row have in common."""
        return self.table.name, self.variant


def configured_row(
    table: TableSpec, variant: Variant, point: tuple[str, ...], model: str, configure: Configure
) -> Row:
    """Give a row its settings.

    Raises:
        ProblemError: some are unknown or impossible.
    """
    config = configure(model, table.overrides, (*variant.overrides, *point))
    differs = config != configure(model, table.overrides, ())
    distinction = tuple(filter(None, (variant.label, *point))) if differs else ()
    return Row(table, variant.label, point, config, distinction)


def training_settings(train: Train, *, fresh: bool, approach: Approach, aligns: bool) -> Train:
    """Return a training's own settings: those of others are at their defaults."""
    plain = Train()
    if not approach.trains:
        return replace(plain, protocol=train.protocol, validation_windows=train.validation_windows)
    changed: dict[str, Any] = {
        "finetune_iterations": plain.finetune_iterations,
        "finetune_lr": plain.finetune_lr,
        # How often a training is saved does not change what it becomes.
        "checkpoint_every": plain.checkpoint_every,
    }
    if not fresh:
        lr = train.lr if train.finetune_lr is None else train.finetune_lr
        changed |= {"iterations": train.finetune_iterations, "lr": lr}
    if not aligns:
        # There is no λ: trainings that differ in its end alone are one.
        changed["lambda_max"] = plain.lambda_max
    return replace(train, **changed)


def evaluation_settings(test: Test, trained: TrainingSpec) -> Test:
    """Return the settings of an evaluation, with the one σ that it comes to, however it was said."""
    if not trained.model.declaration.trains:
        # Nothing of its maps is computed, and so nothing in another precision.
        test = replace(test, precision="float32")
    if trained.approach.declaration.learns_smoothing or trained.model.config.learns_smoothing:
        return replace(test, smoothing_sigma=None)
    if test.smoothing_sigma is not None:
        return test
    offered = trained.model.declaration.prediction
    return replace(test, smoothing_sigma=offered[test.protocol].smoothing_sigma)


def require_batch(config: Config, model: ModelConfig, approach: Approach) -> None:
    """Make sure that a micro-batch has the clips that a training step of model and approach needs.

    Raises:
        ProblemError: it has fewer.
    """
    found, size = config.train.micro_batch, " × ".join(map(str, (model.input.frames, *model.input.size)))
    needed = {
        approach.word: (approach.smallest_batch, f"or leave {approach.word} out of the approaches"),
        f"{config.model.word} at {size}": (model.smallest_batch, "or larger or longer ones (model.*)"),
    }
    problems = [
        Problem(
            "train.micro_batch",
            f"{least} or more, which {who} needs",
            str(found),
            f"Take more clips at a time, {or_else}.",
        )
        for who, (least, or_else) in needed.items()
        if found < least
    ]
    if problems:
        raise ProblemError(problems)
