"""What trainings need of this machine, told once and early, where each of them would tell it in its turn."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from datasets.loading.batch_memory import BatchLayout, require_shared_memory
from datasets.loading.windows import WindowShape
from grid.plan import Training
from grid.planning.prepare import Grid
from grid.running.ray_cluster import ray_session
from grid.running.ray_cluster.room import Need
from grid.running.schedule import Share
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
    import torch  # noqa: PLC0415 - seconds, that a plan does without

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


def check_shared_memory(grid: Grid, todo: Collection[Training], at_once: int = 1) -> None:
    """Make sure that this machine has memory to share between trainings and the processes that load for them.

    Args:
        grid: what will run; on a cluster, whose machines are not known, nothing is asked.
        todo: its trainings that are left.
        at_once: how many of them run side by side.

    Raises:
        ProblemError: it has not.
    """
    if not ray_session.is_local():
        return
    workers, processes = grid.config.resources.loader_workers, grid.config.train.world_size
    largest = sorted((_batches(training) for training in todo), key=lambda found: sum(b.size for b in found))
    if largest:
        require_shared_memory(largest[-1], workers, processes * min(at_once, len(todo)))


def _batches(training: Training) -> list[BatchLayout]:
    """Return the batches that one process of a training loads, of each of its corpora; none without steps."""
    if not training.iterations:
        return []
    spec, config = training.spec, training.spec.model.config
    kinds = [*((entry, True) for entry in spec.labelled), *((entry, False) for entry in spec.unlabelled)]
    shown = [config.shown(entry.corpus).input for entry, _ in kinds]
    return [
        BatchLayout(
            spec.train.micro_batch,
            WindowShape(window.frames, window.step, window.answered(window.frames)),
            *size,
            labelled=labelled,
            map_size=window.map_size(size) if labelled else None,
        )
        for window, (_, labelled) in zip(shown, kinds, strict=True)
        for size in window.sizes
    ]


def check_accelerators(needs: Mapping[str, Need], machine: Share) -> None:
    """Make sure that this machine has the accelerators for what must be there at once.

    Raises:
        ProblemError: it has not.
    """
    problems = [
        Problem(
            f"resources.{kind}.gpu",
            f"at most {machine.gpu:g} for all workers of one, what this machine has",
            f"{(need.share * need.workers).gpu:g}",
            "Lower it, or train.world_size.",
        )
        for kind, need in needs.items()
        if (need.share * need.workers).gpu > machine.gpu
    ]
    if problems:
        raise ProblemError(problems)
