"""A plan's units as jobs with places: the one point where content addresses meet paths and machines."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from grid import cluster
from grid.config import Resources
from grid.evaluate import EvaluationJob, share_out
from grid.events import Listener
from grid.plan import Evaluation, Training
from grid.prepare import Grid
from grid.schedule import Schedule, Share
from grid.sweep import Sweep
from grid.training import Job
from manifests.check import Problem, ProblemError


def sweep(grid: Grid, done: Collection[str], listener: Listener) -> Sweep:
    """Make a sweep over what is left of a grid, on the Ray cluster of the current session.

    Raises:
        ProblemError: a unit asks for accelerators that this machine does not have.
    """
    machine = cluster.largest_node()
    resources = grid.config.resources
    if cluster.is_local():
        _check_accelerators(resources, machine)
    train, evaluate = (Share.of(unit, machine) for unit in (resources.train, resources.evaluate))
    evaluations = {
        evaluation.id: evaluation_job(grid, evaluation, evaluate)
        for evaluation in grid.plan.evaluations.values()
        if evaluation.id not in done
    }
    schedule = Schedule(
        grid.plan,
        done,
        cluster.capacity,
        parts={evaluation: len(job.parts) for evaluation, job in evaluations.items()},
        train=train,
        evaluate=evaluate,
    )
    return Sweep(
        schedule,
        grid.ledger,
        listener,
        trainings={unit.id: training_job(grid, unit, train) for unit in grid.plan.trainings.values()},
        evaluations=evaluations,
        failures=resources.max_failures,
    )


def _check_accelerators(resources: Resources, machine: Share) -> None:
    problems = [
        Problem(
            f"resources.{kind}.gpu",
            f"at most {machine.gpu:g}, what this machine has",
            f"{unit.gpu:g}",
            "Lower it.",
        )
        for kind, unit in (("train", resources.train), ("evaluate", resources.evaluate))
        if unit.gpu > machine.gpu
    ]
    if problems:
        raise ProblemError(problems)


def training_job(grid: Grid, training: Training, share: Share) -> Job:
    """Give a training its places."""
    weights = grid.config.model.backbone_weights
    names = [entry["corpus"] for key in ("labelled", "unlabelled") for entry in training.spec[key]]
    return Job(
        id=training.id,
        spec=training.spec,
        manifests={name: _place(grid, name) for name in names},
        frames=str(grid.out.resolve() / "frames"),
        weights=str(_weights(grid, training.id)),
        parent=str(_weights(grid, training.parent)) if training.parent else None,
        backbone=None if training.parent or weights == "none" else str(Path(weights).resolve()),
        checkpoint_every=grid.config.train.checkpoint_every,
        loader_workers=grid.config.resources.loader_workers,
        # The processors of a training are also its loaders'.
        threads=max(1, int(share.cpu) - grid.config.resources.loader_workers),
    )


def evaluation_job(grid: Grid, evaluation: Evaluation, share: Share) -> EvaluationJob:
    """Give an evaluation its places."""
    clips = grid.manifests[evaluation.test].clips("test")
    return EvaluationJob(
        id=evaluation.id,
        model=grid.plan.trainings[evaluation.training].spec["model"],
        weights=str(_weights(grid, evaluation.training)),
        manifest=_place(grid, evaluation.test),
        expected={clip.clip: clip.n_frames for clip in clips},
        parts=share_out(clips),
        smoothing_sigma=evaluation.spec["protocol"]["smoothing_sigma"],
        batch=grid.config.resources.evaluation_batch,
        gpu=share.gpu > 0,
        threads=max(1, int(share.cpu)),
    )


def _weights(grid: Grid, training: str) -> Path:
    return grid.out.resolve() / "checkpoints" / f"{training}.pt"


def _place(grid: Grid, corpus: str) -> tuple[str, str | None]:
    manifest = grid.manifests[corpus]
    return str(Path(manifest.folder).resolve()), str(Path(manifest.root).resolve())
