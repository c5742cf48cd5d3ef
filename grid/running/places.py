"""Content addresses as places: how every machine is told where a unit's files are, and how it gets them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from datasets.remote import is_url
from grid.evaluation.evaluate import EvaluationJob
from grid.results import output_folder
from grid.results.storage import Storage, answering
from grid.running import ray_session as cluster
from grid.training.loop import Job
from manifests.store import CLIPS, FIXATIONS, fixation_file

if TYPE_CHECKING:
    # Planning is the driver's: each worker would import it too.
    from grid.planning.prepare import Grid

_Unit = TypeVar("_Unit", Job, EvaluationJob)


def storage_of(grid: Grid) -> Storage:
    """Return a grid's storage as its workers see it."""
    return grid.storage if cluster.is_local() else grid.storage.on_nodes()


def weights(storage: Storage, training: str) -> str:
    """Say where a training's best weights are."""
    return storage.place(output_folder.checkpoint(training))


def backbone(grid: Grid) -> str | None:
    """Say where the backbone's initial weights are; None from scratch."""
    path = grid.config.model.backbone_weights
    if path == "none":
        return None
    if not storage_of(grid).apart:
        return str(Path(path).resolve())
    with Path(path).open("rb") as file:
        return output_folder.shared_weights(hashlib.file_digest(file, "sha256").hexdigest())


def manifest(grid: Grid, corpus: str) -> tuple[str, str | None]:
    """Say where a corpus' manifest is, and its files."""
    found = grid.manifests[corpus]
    root = found.root if is_url(found.root) else str(Path(found.root).resolve())
    if storage_of(grid).apart:
        return output_folder.shared_manifest(corpus, found.digest), root
    return str(Path(found.folder).resolve()), root


def publish_inputs(grid: Grid) -> None:
    """Bring to the storage what workers need and only this machine has: manifests and initial weights.

    Raises:
        ProblemError: it does not take them.
    """
    storage = storage_of(grid)
    if not storage.apart:
        return
    sources = {}
    for corpus, found in grid.manifests.items():
        folder, _ = manifest(grid, corpus)
        sources[f"{folder}/{FIXATIONS}"] = fixation_file(Path(found.folder), found.digest)
        sources[f"{folder}/{CLIPS}"] = Path(found.folder) / CLIPS
    if name := backbone(grid):
        sources[name] = Path(grid.config.model.backbone_weights)
    with answering(grid.storage.url):
        for name, source in sources.items():
            if not grid.storage.exists(name):
                grid.storage.publish(name, source)


def brought(job: _Unit, storage: Storage) -> _Unit:
    """Return a job with its places on this machine, and what lies there.

    Raises:
        OSError: the storage does not answer, or lacks something.
        ProblemError: the disk is full.
    """
    if isinstance(job, EvaluationJob):
        return replace(
            job, weights=str(storage.fetch(job.weights)), manifest=_brought_manifest(storage, job.manifest)
        )
    return replace(
        job,
        manifests={corpus: _brought_manifest(storage, place) for corpus, place in job.manifests.items()},
        frames=str(storage.path(job.frames)),
        weights=str(storage.path(job.weights)),
        parent=job.parent and str(storage.fetch(job.parent)),
        backbone=job.backbone and str(storage.fetch(job.backbone)),
    )


def _brought_manifest(storage: Storage, place: tuple[str, str | None]) -> tuple[str, str | None]:
    folder, root = place
    for name in (CLIPS, FIXATIONS):
        storage.fetch(f"{folder}/{name}")
    return str(storage.path(folder)), root
