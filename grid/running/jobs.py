"""A plan's units as jobs with places: the one point where content addresses meet paths and machines."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict

from datasets.loading.scored_split import clips_to_score
from grid.evaluation.job import EvaluationJob, share_out
from grid.plan import Evaluation, Training
from grid.planning import frames
from grid.planning.prepare import Grid
from grid.results import sources
from grid.results.manifest_place import ManifestPlace
from grid.running import machine, places
from grid.running.driver import Driver
from grid.running.events import Listener
from grid.running.interruption import Interruption
from grid.running.ray_cluster import nodes, ray_session
from grid.running.ray_cluster.room import Need, Room, check_room
from grid.running.schedule import Schedule, Share
from grid.training.job import Job
from hd2s.metrics import METRICS
from hd2s.prediction.predictor import default_batch
from hd2s.training.execution import Execution
from manifests.folds import Splitting, folded


def sweep(
    grid: Grid, done: Collection[str], listener: Listener, interruption: Interruption | None = None
) -> Driver:
    """Make what drives all that is left of a grid, on the Ray cluster of the current session.

    Raises:
        ProblemError: a unit asks for accelerators or shared memory that this machine does not have, or for
            more than a cluster has that nobody enlarges, or the storage does not answer.
    """
    needs = _needs(grid, listener.on_phase)
    (train, workers), (evaluate, _) = needs["train"], needs["evaluate"]
    side_by_side = (train * workers).times_in(nodes.capacity())
    todo = [training for training in grid.plan.trainings.values() if training.id not in done]
    machine.check_shared_memory(grid, todo, max(1, side_by_side))
    evaluations = {
        evaluation.id: evaluation_job(grid, evaluation, evaluate)
        for evaluation in grid.plan.evaluations.values()
        if evaluation.id not in done
    }
    schedule = Schedule(
        grid.plan,
        done,
        nodes.capacity,
        parts={evaluation: len(job.parts) for evaluation, job in evaluations.items()},
        train=train * workers,
        evaluate=evaluate,
    )
    places.publish_inputs(grid)
    return Driver(
        schedule,
        grid.ledger,
        listener,
        storage=places.storage_of(grid),
        trainings={unit.id: training_job(grid, unit) for unit in grid.plan.trainings.values()},
        evaluations=evaluations,
        worker=train,
        failures=grid.config.resources.max_failures,
        local=ray_session.is_local(),
        interruption=interruption,
        room=None if ray_session.is_local() else Room(needs, listener.on_phase),
    )


def _needs(grid: Grid, tell: Callable[[str], object]) -> dict[str, Need]:
    """Say what a training and a part of an evaluation take here, for which there is room.

    Raises:
        ProblemError: there is none.
    """
    largest, local = nodes.largest_node(tell), ray_session.is_local()
    resources, workers = grid.config.resources, grid.config.train.world_size
    # A cluster's nodes may have one worker each, or come later.
    train = Share.of(resources.train, largest, workers if local else 1)
    needs = {
        "train": Need(train, workers),
        "evaluate": Need(Share.of(resources.evaluate, largest), 1),
    }
    if local:
        machine.check_accelerators(needs, largest)
    else:
        check_room(needs, tell)
    return needs


def training_job(grid: Grid, training: Training) -> Job:
    """Give a training its places."""
    storage, resources = places.storage_of(grid), grid.config.resources
    return Job(
        id=training.id,
        spec=training.spec,
        reads=tuple(training.reads.items()),
        manifests=_manifests(grid, training),
        frames=places.frames(grid),
        frames_limit=frames.limit(grid),
        weights=places.weights(storage, training.id),
        kept={each: places.weights(storage, training.id, each.name) for each in training.kept},
        parent=places.weights(storage, training.parent) if training.parent else None,
        backbone=places.backbone(grid, training.model) if training.spec.model.weights else None,
        checkpoint_every=grid.config.train.checkpoint_every,
        loader_workers=resources.loader_workers,
        execution=Execution(**asdict(resources.execution)),
        tested=grid.plan.tested(training.id),
        may_stop=training.id in grid.plan.may_stop,
        plugins=places.plugin_folders(grid),
        modules=sources.training_modules(training),
    )


def _manifests(grid: Grid, training: Training) -> dict[str, ManifestPlace]:
    """Say where the corpora of a training are, and what it reads of them must be."""
    splits: dict[tuple[str, Splitting | None], list[str]] = {}
    for read in training.reads:
        splits.setdefault((read.corpus, read.fold), []).append(read.split)
    return {corpus: places.manifest(grid, corpus, fold, read) for (corpus, fold), read in splits.items()}


def evaluation_job(grid: Grid, evaluation: Evaluation, share: Share) -> EvaluationJob:
    """Give an evaluation its places."""
    fold = evaluation.spec.test.fold
    manifest = folded(grid.manifests[evaluation.test], fold)
    clips = clips_to_score(manifest, "test", evaluation.spec.protocol.min_frames)
    model = grid.plan.trainings[evaluation.training].spec.model.config
    return EvaluationJob(
        id=evaluation.id,
        test=evaluation.test,
        input=model.shown(evaluation.test).input,
        domain=model.domain_of(evaluation.test),
        training=evaluation.training,
        weights=places.weights(places.storage_of(grid), evaluation.training, evaluation.spec.weights),
        manifest=places.manifest(grid, evaluation.test, fold, ["test"]),
        expected={clip.clip: clip.n_frames for clip in clips},
        quarantined=len(manifest.clips("test", status="quarantined")),
        shorter=len(manifest.clips("test")) - len(clips),
        parts=share_out(clips),
        protocol=evaluation.spec.protocol,
        metrics=(*METRICS, *evaluation.spec.metrics),
        batch=grid.config.resources.evaluation_batch or default_batch("cuda" if share.gpu else "cpu"),
        gpu=share.gpu > 0,
        scorers=max(1, int(share.cpu)),
        plugins=places.plugin_folders(grid),
        likeness=grid.plan.likeness(evaluation),
        modules=sources.evaluation_modules(evaluation, grid.plan.trainings[evaluation.training]),
    )
