"""Manifests on disk, opened by reading their metadata only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypedDict

import numpy as np
import pyarrow as pa

from manifests.clips import Clips, equals, filling
from manifests.digests import Digests
from manifests.findings import Finding, read_findings
from manifests.parquet import ManifestError, read_metadata, read_rows, read_table, require_digest
from manifests.problem import Problem
from manifests.schema import CLIP_SCHEMA, SPLITS, Fixations

CLIPS, FIXATIONS, PROBLEMS = "clips.parquet", "fixations.parquet", "problems.parquet"
PREVIOUS = {name: name.replace(".", ".previous.") for name in (FIXATIONS, PROBLEMS)}
"""What files are called that belong to the clips while those of the next manifest are put in their place."""


class MapRuleRecord(TypedDict, total=False):
    """How saliency maps are made (`datasets.corpus.MapRule`), as a manifest says it: all of it or nothing."""

    sigma: float
    reach: float
    even: bool
    replicate: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """A corpus as indexed: what its metadata says, and readers for the rest."""

    folder: Path
    """Where clips.parquet, fixations.parquet and problems.parquet lie."""
    corpus: str
    root: str
    """Absolute path of the corpus, or its url; where it lies changes nothing, so the digest omits it."""
    digest: str
    """sha256 (hex) over what the clips are and where they were looked at."""
    digests: dict[str, str]
    """The same of each split: a training that reads two splits is not changed by a third."""
    layout: str
    """Which of the corpus's layouts was found."""
    options: dict[str, str | int]
    """How its clips were split, by the options of indexing; empty where that was not written down."""
    counts: dict[str, int]
    """Usable clips of each split."""
    frames: dict[str, int]
    """Frames of the usable clips of each split."""
    quarantined: int
    """Clips set aside, in all splits."""
    map_rule: MapRuleRecord | None = None
    """How the corpus' maps are made from its fixations, as its adapter names the numbers; empty where nobody
    has said, None where that was not written down."""
    code: str = ""
    """Digest of the plug-in that has read it; empty of what the project reads."""

    @property
    def has_names(self) -> bool:
        """Whether clips and source videos are called as in the corpus."""
        return True

    def clips(self, split: str | None = None, status: str | None = "ok") -> Clips:
        """Return the clips of a split (None: of all) with a status (None: any), in manifest order.

        Manifest order is that of `SPLITS` and, within a split, the natural order of the identifiers.
        """
        return Clips(partial(self._clip_table, split=split, status=status))

    def column(self, split: str, name: str) -> np.ndarray:
        """Return one column of the usable clips of a split, in manifest order: (N,)."""
        return self._clip_table((name,), split, "ok")[name].to_numpy()

    def lengths(self, split: str) -> np.ndarray:
        """Return the frames of each usable clip of a split, in manifest order: int64 (N,)."""
        return self.column(split, "n_frames")

    def filling(self, split: str, n_frames: int) -> np.ndarray:
        """Return which usable clips of a split have so many frames (`Clip.fills`): bool (N,)."""
        return filling(self.clips(split), n_frames)

    def problems(self) -> list[Finding]:
        """Return what was noticed when the corpus was indexed, the most serious first.

        Raises:
            ManifestError: problems.parquet is missing, damaged, or of another manifest.
        """
        with self._unless_exchanged():
            return read_findings(belonging(self.folder, PROBLEMS, self.digest))

    def fixations(self, split: str | None = None) -> Fixations:
        """Return the fixated pixels of the clips of a split (None: of all)."""
        table = self._clip_table(("split", "clip", "n_fixations"), None, None)
        n_rows = table["n_fixations"].to_numpy()
        wanted = np.ones(len(table), bool) if split is None else equals(table["split"], split)
        positions = np.flatnonzero(wanted)
        if len(positions) == 0:
            return Fixations(np.empty(0, np.int32), np.empty((0, 2), np.int16), [], [])
        # Clips of one split stand together, and so do their fixations.
        ends = np.cumsum(n_rows)
        first, last = positions[0], positions[-1]
        start, stop = int(ends[first] - n_rows[first]), int(ends[last])
        with self._unless_exchanged():
            path = belonging(self.folder, FIXATIONS, self.digest)
            frame, yx = read_rows(path, start, stop, self.digest)
        clips = table["clip"].to_numpy()[first : last + 1]
        return Fixations(frame, yx, clips.tolist(), n_rows[first : last + 1])

    def verify(self) -> None:
        """Read everything, and work the digest out anew.

        Raises:
            ManifestError: a file is damaged, or the digest is not that of what they hold.
        """
        digests = Digests(self.corpus)
        for split in SPLITS:
            fixations = self.fixations(split)
            for clip in self.clips(split, status=None):
                frame, yx = fixations.of(clip.clip)
                digests.add(clip, np.column_stack([frame, yx]))
        if digests.of_splits() != self.digests or digests.together() != self.digest:
            expected, found = f"the digest {self.digest[:12]}", f"{digests.together()[:12]}, of what it holds"
            raise ManifestError(Problem(str(self.folder), expected, found, "Index the corpus again."))
        self.problems()

    @contextmanager
    def _unless_exchanged(self) -> Iterator[None]:
        """Tell files that do not belong together from those of a corpus that was indexed again meanwhile."""
        try:
            yield
        except ManifestError as error:
            moved = isinstance(error.__cause__, FileNotFoundError)
            found = "of the next" if moved else read_metadata(self.folder / CLIPS)["digest"]
            require_digest(self.folder, found, self.digest)
            raise

    def _clip_table(self, columns: Sequence[str], split: str | None, status: str | None) -> pa.Table:
        """Return columns of clips.parquet, filtered by split and status."""
        if split is not None and split not in SPLITS:
            problem = Problem(
                f"split of {self.corpus}", f"one of {', '.join(SPLITS)}", repr(split), "Ask for one of these."
            )
            raise ManifestError(problem)
        holding = {name: word for name, word in (("split", split), ("status", status)) if word is not None}
        return read_table(self.folder / CLIPS, CLIP_SCHEMA, columns, holding, self.digest)


def open_manifest(folder: Path | str, root: Path | str | None = None) -> Manifest:
    """Open a manifest by its Parquet metadata alone.

    Args:
        folder: the folder that holds clips.parquet and fixations.parquet.
        root: where the corpus lies now, if not where it was indexed: a folder or a url.

    Raises:
        ManifestError: there is no manifest, it is damaged, its schema version is another one, or its two
            files do not belong together.
    """
    folder = Path(folder)
    meta = _sound_metadata(folder)
    return Manifest(
        folder=folder,
        corpus=meta["corpus"],
        root=absolute(root) if root is not None else meta["root"],
        digest=meta["digest"],
        digests=meta["digests"],
        layout=meta["layout"],
        options=meta.get("options", {}),
        counts=meta["counts"],
        frames=meta["frames"],
        quarantined=meta["quarantined"],
        map_rule=meta.get("map_rule"),
        code=meta.get("code", ""),
    )


def _sound_metadata(folder: Path) -> dict:
    """Read what clips.parquet says of itself, with fixations of its own beside it."""
    while True:
        meta = read_metadata(folder / CLIPS)
        try:
            belonging(folder, FIXATIONS, meta["digest"])
        except ManifestError:
            # Else the next manifest was put in its place between the two.
            if read_metadata(folder / CLIPS)["digest"] == meta["digest"]:
                raise
        else:
            return meta


def belonging(folder: Path, name: str, digest: str) -> Path:
    """Return the file, of fixations or findings, that belongs to the clips with this digest.

    While a manifest is written in another's place, and after whoever wrote it was killed, that may be the one
    kept aside (`manifests.writing`).

    Raises:
        ManifestError: there is none.
    """
    found = {}
    for each in (name, PREVIOUS[name]):
        path = folder / each
        try:
            found[each] = read_metadata(path)["digest"]
        except ManifestError as error:
            # Not there, or put aside at this moment.
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
        else:
            if found[each] == digest:
                return path
    digests = ", ".join(f"{name} with {d[:12]}" for name, d in found.items()) or "no such file"
    raise ManifestError(
        Problem(
            str(folder / name),
            f"the digest {digest[:12]} of {CLIPS}",
            digests,
            "Index the corpus again.",
        )
    )


def is_url(root: Path | str) -> bool:
    """Whether a corpus root is no folder on this machine."""
    return "://" in str(root)


def absolute(root: Path | str) -> str:
    """Return a root as it is found from any folder."""
    return str(root) if is_url(root) else str(Path(root).resolve())
