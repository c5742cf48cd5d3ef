"""Mixed precision where there is no GPU: told once and early, instead of by each training in its turn."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from grid.plan import Training
from grid.planning.prepare import Grid
from grid.running import ray_session
from manifests.problem import Problem, ProblemError


def check_precision(grid: Grid, todo: Iterable[Training]) -> None:
    """Make sure that trainings which compute in bfloat16 will have a GPU, as far as this machine can tell.

    Args:
        grid: what will run, here or on a cluster, whose machines are not known yet.
        todo: its trainings that are left.

    Raises:
        ProblemError: they would run on processors, where bfloat16 is neither right nor fast.
    """
    on_processors = not grid.config.resources.train.gpu
    on_processors |= ray_session.is_local() and not torch.cuda.device_count()
    mixed = sum(training.spec.train.mixed_precision and bool(training.iterations) for training in todo)
    if on_processors and mixed:
        remedy = (
            "Give train.mixed_precision=false, which makes them trainings of their own (other ids), or run"
            " where there is a GPU."
        )
        expected = "a GPU for trainings in bfloat16"
        found = f"none for {mixed} of them"
        raise ProblemError(Problem("train.mixed_precision", expected, found, remedy))
