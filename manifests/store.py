"""Manifests on disk: two Parquet files written atomically, opened by reading their metadata only."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from manifests.check import Problem, clip_problems
from manifests.parquet import ManifestError, fixation_table, pack, read_metadata, read_rows
from manifests.schema import (
    CLIP_SCHEMA,
    FIXATION_SCHEMA,
    IDENTITY,
    SCHEMA_VERSION,
    SPLITS,
    Clip,
    Fixations,
    natural_key,
)

CLIPS, FIXATIONS, PREVIOUS = "clips.parquet", "fixations.parquet", "fixations.previous.parquet"
_ROW_GROUP = 1 << 20
_FIELDS = tuple(f.name for f in fields(Clip))


@dataclass(frozen=True, slots=True)
class Manifest:
    """A corpus as indexed: what its metadata says, and readers for the rest."""

    folder: Path
    """Where clips.parquet and fixations.parquet lie."""
    corpus: str
    root: str
    """Absolute path of the corpus; where it lies changes nothing of what it is, so the digest omits it."""
    digest: str
    """sha256 (hex) over what the clips are and where they were looked at."""
    counts: dict[str, int]
    """Usable clips of each split."""
    frames: dict[str, int]
    """Frames of the usable clips of each split."""
    quarantined: int
    """Clips set aside, in all splits."""

    def clips(self, split: str | None = None, status: str | None = "ok") -> list[Clip]:
        """Return the clips of a split (None: of all) with a status (None: any), in manifest order.

        Manifest order is train, val, test and, within a split, the natural order of the identifiers.
        """
        table = self._clip_table(_FIELDS, split, status)
        columns = {name: table[name].to_pylist() for name in _FIELDS}
        columns["keyframes"] = [tuple(k) for k in columns["keyframes"]]
        return [Clip(*row) for row in zip(*columns.values(), strict=True)]

    def fixations(self, split: str | None = None) -> Fixations:
        """Return the fixated pixels of the clips of a split (None: of all)."""
        table = self._clip_table(("split", "clip", "n_fixations"), None, None)
        n_rows = table["n_fixations"].to_numpy()
        wanted = np.ones(len(table), bool) if split is None else _equals(table["split"], split)
        positions = np.flatnonzero(wanted)
        if len(positions) == 0:
            return Fixations(np.empty(0, np.int32), np.empty((0, 2), np.int16), [], [])
        # Clips of one split stand together, and so do their fixations.
        ends = np.cumsum(n_rows)
        first, last = positions[0], positions[-1]
        start, stop = int(ends[first] - n_rows[first]), int(ends[last])
        frame, yx = read_rows(_fixation_file(self.folder, self.digest), start, stop)
        clips = table["clip"].to_numpy()[first : last + 1]
        return Fixations(frame, yx, clips.tolist(), n_rows[first : last + 1])

    def _clip_table(self, columns: Sequence[str], split: str | None, status: str | None) -> pa.Table:
        """Return columns of clips.parquet, filtered by split and status."""
        if split is not None and split not in SPLITS:
            problem = Problem(
                f"split of {self.corpus}", f"one of {', '.join(SPLITS)}", repr(split), "Ask for one of these."
            )
            raise ManifestError(problem)
        pairs = [("split", "=", split), ("status", "=", status)]
        filters = [p for p in pairs if p[2] is not None]
        return pq.read_table(self.folder / CLIPS, columns=list(columns), filters=filters or None)


def open_manifest(folder: Path | str, root: Path | str | None = None) -> Manifest:
    """Open a manifest by its Parquet metadata alone.

    Args:
        folder: the folder that holds clips.parquet and fixations.parquet.
        root: where the corpus lies now, if not where it was indexed.

    Raises:
        ManifestError: there is no manifest, it is damaged, its schema version is another one, or its two
            files do not belong together.
    """
    folder = Path(folder)
    meta = read_metadata(folder / CLIPS)
    _fixation_file(folder, meta["digest"])
    return Manifest(
        folder=folder,
        corpus=meta["corpus"],
        root=str(Path(root).resolve()) if root is not None else meta["root"],
        digest=meta["digest"],
        counts=meta["counts"],
        frames=meta["frames"],
        quarantined=meta["quarantined"],
    )


def write(
    folder: Path | str,
    corpus: str,
    root: Path | str,
    clips: Iterable[Clip],
    fixations: Mapping[str, np.ndarray],
) -> Manifest:
    """Write a manifest; whoever is killed at any point leaves either the old one or the new one.

    Args:
        folder: where to write; created when missing.
        corpus: name of the corpus.
        root: where the corpus lies; stored absolute.
        clips: in any order.
        fixations: integers (N, 3) = frame, y, x by clip identifier; asked for once per clip, so that a
            mapping may load them when asked. A clip without an entry has no fixations.

    Raises:
        ManifestError: listing everything that is wrong with the clips or their fixations.
    """
    folder = Path(folder)
    problems = clip_problems(corpus, clips := list(clips))
    if problems:
        raise ManifestError(problems)
    clips.sort(key=lambda c: (SPLITS.index(c.split), natural_key(c.clip)))
    folder.mkdir(parents=True, exist_ok=True)
    temporary = {name: folder / f".{name}.{os.getpid()}" for name in (CLIPS, FIXATIONS)}
    try:
        digest, counts = _write_fixations(temporary[FIXATIONS], corpus, clips, fixations)
        meta = _describe(corpus, Path(root), clips, digest)
        _write_clips(temporary[CLIPS], clips, counts, meta)
        _publish(folder, temporary)
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)
    return open_manifest(folder)


def _publish(folder: Path, temporary: Mapping[str, Path]) -> None:
    """Put the new pair in place of the old one.

    Two renames cannot be one, so the fixations that belong to the present clips.parquet are kept aside
    until the new clips.parquet stands: a reader takes the file whose digest matches (`_fixation_file`).
    """
    try:
        current = open_manifest(folder).digest
        if _fixation_file(folder, current).name == FIXATIONS:
            (folder / FIXATIONS).replace(folder / PREVIOUS)
    except ManifestError:
        # Nothing readable is there, hence nothing to keep.
        (folder / PREVIOUS).unlink(missing_ok=True)
    temporary[FIXATIONS].replace(folder / FIXATIONS)
    temporary[CLIPS].replace(folder / CLIPS)
    (folder / PREVIOUS).unlink(missing_ok=True)


def _describe(corpus: str, root: Path, clips: Sequence[Clip], digest: str) -> dict:
    """Return the metadata of clips.parquet."""
    usable = [c for c in clips if c.status == "ok"]
    n_clips, n_frames = Counter(c.split for c in usable), Counter[str]()
    for clip in usable:
        n_frames[clip.split] += clip.n_frames
    return {
        "digest": digest,
        "corpus": corpus,
        "root": str(root.resolve()),
        "counts": {split: n_clips[split] for split in SPLITS},
        "frames": {split: n_frames[split] for split in SPLITS},
        "quarantined": len(clips) - len(usable),
    }


def _write_clips(path: Path, clips: Sequence[Clip], n_fixations: Sequence[int], meta: Mapping) -> None:
    columns = {name: [getattr(c, name) for c in clips] for name in _FIELDS}
    schema = CLIP_SCHEMA.with_metadata(pack(meta))
    pq.write_table(pa.table({**columns, "n_fixations": list(n_fixations)}, schema=schema), path)


def _write_fixations(
    path: Path, corpus: str, clips: Sequence[Clip], fixations: Mapping[str, np.ndarray]
) -> tuple[str, list[int]]:
    """Write fixations.parquet in one pass; return the manifest's digest and each clip's number of rows."""
    digest = hashlib.sha256(f"{corpus} {SCHEMA_VERSION}".encode())
    counts, problems = [], []
    names = pa.array([c.clip for c in clips], pa.string())
    pending, pending_rows, first = [], 0, 0
    with pq.ParquetWriter(path, FIXATION_SCHEMA) as writer:
        for position, clip in enumerate(clips):
            rows, faults = _canonical(clip, fixations.get(clip.clip))
            problems += faults
            digest.update(json.dumps([getattr(clip, name) for name in IDENTITY]).encode())
            digest.update(np.ascontiguousarray(rows, dtype="<i4"))
            counts.append(len(rows))
            pending.append(rows)
            pending_rows += len(rows)
            if pending_rows >= _ROW_GROUP or position == len(clips) - 1:
                writer.write_table(fixation_table(names, first, pending))
                pending, pending_rows, first = [], 0, position + 1
        writer.add_key_value_metadata(pack({"digest": digest.hexdigest()}))
    if problems:
        raise ManifestError(problems)
    return digest.hexdigest(), counts


def _canonical(clip: Clip, rows: np.ndarray | None) -> tuple[np.ndarray, list[Problem]]:
    """Return a clip's rows int32 (N, 3), unique and sorted by frame, y, x, and what is wrong with them."""
    if rows is None or len(rows) == 0:
        return np.empty((0, 3), np.int32), []
    rows = np.asarray(rows, dtype=np.int32)
    order = np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))
    rows = rows[order]
    rows = rows[np.r_[True, np.any(np.diff(rows, axis=0) != 0, axis=1)]]
    limits = np.array([clip.n_frames, clip.height, clip.width])
    outside = np.any((rows < 0) | (rows >= limits), axis=1)
    if not outside.any():
        return rows, []
    frame, y, x = rows[outside][0].tolist()
    where = f"{clip.corpus}/{clip.clip}"
    expected = f"fixations within {clip.n_frames} frames of {clip.width}x{clip.height}"
    found = f"{int(outside.sum())} outside, the first in frame {frame} at y={y}, x={x}"
    return rows, [Problem(where, expected, found, "Quarantine the clip or mend its adapter.")]


def _equals(column: pa.ChunkedArray, value: str) -> np.ndarray:
    """Return bool (N,): where a column holds a value."""
    return pc.equal(column, value).to_numpy()


def _fixation_file(folder: Path, digest: str) -> Path:
    """Return the fixation file that belongs to the clips with this digest (see `_publish`)."""
    found = {}
    for name in (FIXATIONS, PREVIOUS):
        path = folder / name
        if path.exists():
            found[name] = read_metadata(path)["digest"]
            if found[name] == digest:
                return path
    digests = ", ".join(f"{name} with {d[:12]}" for name, d in found.items()) or "no such file"
    raise ManifestError(
        Problem(
            str(folder / FIXATIONS),
            f"the digest {digest[:12]} of {CLIPS}",
            digests,
            "Index the corpus again.",
        )
    )
