"""Where a worker finds a corpus."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from grid.results.storage import Storage
from manifests.folds import Fold, folded
from manifests.store import CLIPS, FIXATIONS, Manifest, open_manifest


@dataclass(frozen=True)
class ManifestPlace:
    """A corpus' manifest and its files.

    Attributes:
        folder: of the manifest, on this machine or in the storage.
        root: of the files; None for the manifest's own.
        fold: whose splits it is read in; None for the corpus' own.
    """

    folder: str
    root: str | None
    fold: Fold | None = None

    def open(self) -> Manifest:
        """Read the manifest, which must be on this machine.

        Raises:
            ManifestError: there is no sound one.
        """
        return folded(open_manifest(Path(self.folder), self.root), self.fold)

    def brought(self, storage: Storage) -> ManifestPlace:
        """Return the place on this machine, with the manifest there.

        Raises:
            OSError: the storage does not answer, or lacks it.
            ProblemError: the disk is full.
        """
        for name in (CLIPS, FIXATIONS):
            storage.fetch(f"{self.folder}/{name}")
        return replace(self, folder=str(storage.path(self.folder)))
