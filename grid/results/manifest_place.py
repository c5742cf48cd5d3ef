"""Where a worker finds a corpus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from grid.results.storage import Storage
from manifests.folds import Splitting, folded
from manifests.problem import ExchangedError, Problem
from manifests.store import CLIPS, FIXATIONS, Manifest, open_manifest


@dataclass(frozen=True)
class ManifestPlace:
    """A corpus' manifest and its files.

    Attributes:
        folder: of the manifest, on this machine or in the storage.
        root: of the files; None for the manifest's own.
        fold: what splits it is read in; None for the corpus' own.
        digests: split → its digest in the plan, of those that will be read: what ids were made of.
    """

    folder: str
    root: str | None
    fold: Splitting | None = None
    digests: Mapping[str, str] = field(default_factory=dict)

    def open(self) -> Manifest:
        """Read the manifest, which must be on this machine.

        Raises:
            ManifestError: there is no sound one.
            ExchangedError: what would be read of it is not what was planned: it was indexed again.
        """
        found = folded(open_manifest(Path(self.folder), self.root), self.fold)
        self.require(found)
        return found

    def require(self, found: Manifest) -> None:
        """Make sure that what will be read of a manifest is what was planned.

        Raises:
            ExchangedError: it is not.
        """
        if other := [split for split, digest in self.digests.items() if found.digests[split] != digest]:
            expected = f"clips of {' and '.join(other)} as they were when this was planned"
            remedy = (
                "The corpus was indexed again since: run the same command again, which plans with the new"
                " index, or index it as it was."
            )
            told = ", ".join(f"{split} {found.digests[split][:12]}" for split in other)
            raise ExchangedError(Problem(self.folder, expected, f"others (digest of {told})", remedy))

    def brought(self, storage: Storage) -> ManifestPlace:
        """Return the place on this machine, with the manifest there.

        Raises:
            OSError: the storage does not answer, or lacks it.
            ProblemError: the disk is full.
        """
        for name in (CLIPS, FIXATIONS):
            storage.fetch(f"{self.folder}/{name}")
        return replace(self, folder=str(storage.path(self.folder)))
