"""A manifest written: three Parquet files of which the last makes the others count."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from manifests.clip_check import clip_problems
from manifests.clips import FIELDS
from manifests.digests import Digests
from manifests.findings import Finding, write_findings
from manifests.parquet import ManifestError, fixation_table, pack
from manifests.problem import Problem
from manifests.schema import (
    CLIP_SCHEMA,
    FIXATION_SCHEMA,
    SPLITS,
    Clip,
    natural_key,
)
from manifests.store import (
    CLIPS,
    FIXATIONS,
    PREVIOUS,
    PROBLEMS,
    Manifest,
    belonging,
    open_manifest,
)

_ROW_GROUP = 1 << 20
# Clips of one row group: those of a split lie together, and groups of other splits are not read.
_CLIP_GROUP = 1 << 15


class FixationSource(Protocol):
    """Where `write` takes the fixations from: a dictionary, or whatever loads them when asked."""

    def get(self, clip: str, /) -> np.ndarray | None:
        """Return integers (N, 3) = frame, y, x of a clip; None when it has none."""


def write(
    folder: Path | str,
    corpus: str,
    root: Path | str,
    clips: Iterable[Clip],
    fixations: FixationSource,
    *,
    findings: Iterable[Finding] = (),
    layout: str = "",
    options: Mapping[str, str | int] | None = None,
    map_rule: Mapping[str, float | bool] | None = None,
    code: str = "",
) -> Manifest:
    """Write a manifest; whoever is killed at any point leaves either the old one or the new one.

    Args:
        folder: where to write; created when missing.
        corpus: name of the corpus.
        root: where the corpus lies; stored absolute.
        clips: in any order.
        fixations: asked once for each clip, in manifest order.
        findings: what was noticed; not part of the digest.
        layout: which of the corpus's layouts was found.
        options: how its clips were split, as the command line takes it; not part of the digest.
        map_rule: how maps are made from its fixations, empty where nobody has said; not part of the digest.
            None leaves it out.
        code: digest of the plug-in that has read it, if one has; not part of the digest.

    Raises:
        ManifestError: listing everything that is wrong with the clips or their fixations; or the disk is full
            or cannot be written to.
    """
    folder = Path(folder)
    problems = clip_problems(corpus, clips := list(clips))
    if problems:
        raise ManifestError(problems)
    clips.sort(key=lambda c: (SPLITS.index(c.split), natural_key(c.clip)))
    folder.mkdir(parents=True, exist_ok=True)
    temporary = {name: folder / f".{name}.{os.getpid()}" for name in (CLIPS, FIXATIONS, PROBLEMS)}
    try:
        digests, counts = _write_fixations(temporary[FIXATIONS], corpus, clips, fixations)
        meta = _describe(corpus, Path(root), clips, digests)
        meta |= {"layout": layout, "options": dict(options or {})}
        meta |= {} if map_rule is None else {"map_rule": dict(map_rule)}
        meta |= {"code": code} if code else {}
        write_findings(temporary[PROBLEMS], findings, meta["digest"])
        _write_clips(temporary[CLIPS], clips, counts, meta)
        _publish(folder, temporary)
    except OSError as error:
        remedy = "Make room if the disk is full, and give the same command again."
        found = " ".join(str(error).split())
        raise ManifestError(
            Problem(str(folder), "a folder to write the manifest to", found, remedy)
        ) from error
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)
    return open_manifest(folder)


def _publish(folder: Path, temporary: Mapping[str, Path]) -> None:
    """Put the new pair in place of the old one.

    Renames cannot be one, so the fixations and findings that belong to the present clips.parquet are kept
    aside until the new clips.parquet stands: a reader takes the files whose digest matches (`belonging`).
    """
    for name, aside in PREVIOUS.items():
        try:
            current = open_manifest(folder).digest
            if belonging(folder, name, current).name == name:
                (folder / name).replace(folder / aside)
        except ManifestError:
            # Nothing readable is there, hence nothing to keep.
            (folder / aside).unlink(missing_ok=True)
        temporary[name].replace(folder / name)
    temporary[CLIPS].replace(folder / CLIPS)
    for aside in PREVIOUS.values():
        (folder / aside).unlink(missing_ok=True)


def _describe(corpus: str, root: Path, clips: Sequence[Clip], digests: Digests) -> dict:
    """Return the metadata of clips.parquet."""
    usable = [c for c in clips if c.status == "ok"]
    n_clips, n_frames = Counter(c.split for c in usable), Counter[str]()
    for clip in usable:
        n_frames[clip.split] += clip.n_frames
    return {
        "digest": digests.together(),
        "digests": digests.of_splits(),
        "corpus": corpus,
        "root": str(root.resolve()),
        "counts": {split: n_clips[split] for split in SPLITS},
        "frames": {split: n_frames[split] for split in SPLITS},
        "quarantined": len(clips) - len(usable),
    }


def _write_clips(path: Path, clips: Sequence[Clip], n_fixations: Sequence[int], meta: dict) -> None:
    columns = {name: [getattr(c, name) for c in clips] for name in FIELDS}
    schema = CLIP_SCHEMA.with_metadata(pack(meta))
    table = pa.table({**columns, "n_fixations": list(n_fixations)}, schema=schema)
    pq.write_table(table, path, row_group_size=_CLIP_GROUP, write_page_checksum=True)


def _write_fixations(
    path: Path, corpus: str, clips: Sequence[Clip], fixations: FixationSource
) -> tuple[Digests, list[int]]:
    """Write fixations.parquet in one pass; return the digests and each clip's number of rows."""
    digests, counts, problems = Digests(corpus), [], []
    names = pa.array([c.clip for c in clips], pa.string())
    pending, pending_rows, first = [], 0, 0
    with pq.ParquetWriter(path, FIXATION_SCHEMA, write_page_checksum=True) as writer:
        for position, clip in enumerate(clips):
            rows, faults = _canonical(clip, fixations.get(clip.clip))
            problems += faults
            digests.add(clip, rows)
            counts.append(len(rows))
            pending.append(rows)
            pending_rows += len(rows)
            if pending_rows >= _ROW_GROUP or position == len(clips) - 1:
                writer.write_table(fixation_table(names, first, pending))
                pending, pending_rows, first = [], 0, position + 1
        writer.add_key_value_metadata(pack({"digest": digests.together()}))
    if problems:
        raise ManifestError(problems)
    return digests, counts


def _canonical(clip: Clip, rows: np.ndarray | None) -> tuple[np.ndarray, list[Problem]]:
    """Return a clip's rows int32 (N, 3), unique and sorted by frame, y, x, and what is wrong with them."""
    if rows is None or len(rows) == 0:
        return np.empty((0, 3), np.int32), []
    rows = np.asarray(rows, dtype=np.int32)
    limits = np.array([clip.n_frames, clip.height, clip.width])
    outside = np.any((rows < 0) | (rows >= limits), axis=1)
    if not outside.any():
        # One number a pixel: readers mostly give them in order already, and one is sorted fast if not.
        key = np.ravel_multi_index(tuple(rows.T), tuple(limits))
        if not np.all(np.diff(key) > 0):
            rows = np.stack(np.unravel_index(np.unique(key), tuple(limits)), axis=1).astype(np.int32)
        return rows, []
    frame, y, x = rows[outside][0].tolist()
    where = f"{clip.corpus}/{clip.clip}"
    expected = f"fixations within {clip.n_frames} frames of {clip.width}x{clip.height}"
    found = f"{int(outside.sum())} outside, the first in frame {frame} at y={y}, x={x}"
    return rows, [Problem(where, expected, found, "Quarantine the clip or mend its adapter.")]
