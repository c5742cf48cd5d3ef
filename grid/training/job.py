"""A training with all that a worker needs to do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from grid.plan import Criterion, Read, TrainingSpec
from grid.results.manifest_place import ManifestPlace
from grid.results.storage import Storage
from hd2s.models.tested import AsTested
from hd2s.training.execution import Execution


@dataclass(frozen=True)
class Job:
    """A training and its places (`grid.running.places`). Nothing but `spec` changes its weights.

    Attributes:
        id: the training's id.
        spec: of the training.
        reads: the clips that it reads, and whether with their maps.
        manifests: corpus -> where it is.
        frames: the folder of decoded frames.
        frames_limit: bytes that they may take; None for no bound.
        weights: the file to write, last and atomically.
        kept: what else chooses weights → the file to write them to, likewise.
        parent: the weights to start from, or None.
        backbone: a file that the model starts from, or None.
        checkpoint_every: iterations between checkpoints.
        loader_workers: processes that read clips.
        execution: options, but for the precision.
        plugins: folders of plug-ins.
        tested: how its test predicts, for the weights to carry; None where the plan has no test.
        may_stop: whether it may be stopped early, and looks for whether it is.
        modules: those that its code begins in (`grid.results.sources`).
    """

    id: str
    spec: TrainingSpec
    reads: tuple[tuple[Read, bool], ...]
    manifests: Mapping[str, ManifestPlace]
    frames: str
    frames_limit: int | None
    weights: str
    parent: str | None
    backbone: str | None
    checkpoint_every: int
    loader_workers: int
    execution: Execution
    kept: Mapping[Criterion, str] = field(default_factory=dict)
    plugins: tuple[str, ...] = ()
    tested: AsTested | None = None
    may_stop: bool = False
    modules: tuple[str, ...] = ()

    def brought(self, storage: Storage) -> Job:
        """Return the job with its places on this machine, and what lies there.

        Raises:
            OSError: the storage does not answer, or lacks something.
            ProblemError: the disk is full.
        """
        return replace(
            self,
            manifests={corpus: place.brought(storage) for corpus, place in self.manifests.items()},
            frames=str(storage.path(self.frames)),
            weights=str(storage.path(self.weights)),
            kept={each: str(storage.path(place)) for each, place in self.kept.items()},
            parent=self.parent and str(storage.fetch(self.parent)),
            backbone=self.backbone and str(storage.fetch(self.backbone)),
            plugins=tuple(str(storage.fetch_folder(folder)) for folder in self.plugins),
        )
