"""Content addresses as places: how every machine is told where a unit's files are, and how it gets them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from grid.planning.frames import folder as frames_of
from grid.planning.prepare import Grid
from grid.results import output_folder
from grid.results.manifest_place import ManifestPlace
from grid.results.storage import Storage, answering
from grid.running.ray_cluster import ray_session
from manifests.folds import Splitting, fold_digest
from manifests.plugins import digest, python_files
from manifests.store import CLIPS, FIXATIONS, belonging, is_url


def storage_of(grid: Grid) -> Storage:
    """Return a grid's storage as its workers see it."""
    return grid.storage if ray_session.is_local() else grid.storage.on_nodes()


def weights(storage: Storage, training: str, chosen: str = "") -> str:
    """Say where a training's weights are; arguments of `output_folder.checkpoint`."""
    return storage.place(output_folder.checkpoint(training, chosen))


def backbone(grid: Grid, model: str) -> str | None:
    """Say where what a model's trainings start from is; None from scratch."""
    found = grid.weights.get(model)
    if found is None:
        return None
    return output_folder.shared_weights(found.digest) if storage_of(grid).apart else str(found.path.resolve())


def manifest(
    grid: Grid, corpus: str, fold: Splitting | None = None, splits: Iterable[str] = ()
) -> ManifestPlace:
    """Say where a corpus is, in what splits it is read there, and what these of its splits must be."""
    found = grid.manifests[corpus]
    digests = {split: fold_digest(found.digests, split, fold) for split in splits}
    root = found.root if is_url(found.root) else str(Path(found.root).resolve())
    if storage_of(grid).apart:
        return ManifestPlace(output_folder.shared_manifest(corpus, found.digest), root, fold, digests)
    return ManifestPlace(str(Path(found.folder).resolve()), root, fold, digests)


def plugin_folders(grid: Grid) -> tuple[str, ...]:
    """Say where the folders of plug-ins are."""
    folders = [Path(folder).resolve() for folder in grid.config.plugins]
    if not storage_of(grid).apart:
        return tuple(map(str, folders))
    return tuple(output_folder.shared_plugin(folder.name, digest(python_files(folder))) for folder in folders)


def frames(grid: Grid) -> str:
    """Say where decoded frames are, on each machine."""
    apart = storage_of(grid).apart and not grid.config.frames.folder
    return output_folder.FRAMES if apart else str(frames_of(grid))


def publish_inputs(grid: Grid) -> None:
    """Bring to the storage what workers need and only this machine has: manifests, initial weights, plug-ins.

    Raises:
        ProblemError: it does not take them.
    """
    storage = storage_of(grid)
    if not storage.apart:
        return
    sources: dict[str, Path] = {}
    for corpus, found in grid.manifests.items():
        folder = manifest(grid, corpus).folder
        sources[f"{folder}/{FIXATIONS}"] = belonging(Path(found.folder), FIXATIONS, found.digest)
        sources[f"{folder}/{CLIPS}"] = Path(found.folder) / CLIPS
    for weights in grid.weights.values():
        sources[output_folder.shared_weights(weights.digest)] = weights.path
    for plugins, name in zip(map(Path, grid.config.plugins), plugin_folders(grid), strict=True):
        files = (path for path in plugins.rglob("*.py") if "__pycache__" not in path.parts)
        sources |= {f"{name}/{path.relative_to(plugins).as_posix()}": path for path in files}
    with answering(grid.storage.url):
        for name, source in sources.items():
            if not grid.storage.exists(name):
                grid.storage.publish(name, source)
