"""How a clip is told that is damaged, or no longer what was indexed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from datasets.corpus import ClipError, Corpus, Entry, Reading
from manifests import Clip, Finding, Problem, ProblemError


def as_finding(error: ClipError, entry: Entry, level: str = "error") -> Finding:
    """Return what is wrong with a clip as a finding."""
    remedy = error.remedy or "Mend or replace the file, and index again."
    path = error.path or entry.path
    return Finding(level, error.kind, entry.clip, path, error.expected, error.found, remedy)


def said(error: Exception, root: Path) -> str:
    """Return what an error says without where the corpus lies: reasons are part of a manifest's digest."""
    text = f"{type(error).__name__}: {error}"
    for place in {os.path.realpath(root), os.fspath(root)} - {"."}:
        text = text.replace(f"{place}{os.sep}", "")
    return text.encode(errors="replace").decode()


def quarantine(corpus: Corpus, entry: Entry, fault: Finding) -> Reading:
    """Return a clip as unusable, for this reason; its stamp is left at 0."""
    reason = f"expected {fault.expected}, found {fault.found}"
    clip = describe(corpus.name, entry, status="quarantined", reason=reason)
    return Reading(clip, np.empty((0, 3), np.int32), (fault,))


def describe(corpus: str, entry: Entry, **columns: object) -> Clip:
    """Return a clip's row: its place as listed, the columns given, and the others empty or 0."""
    empty = dict.fromkeys(
        ("frame_pattern", "map_pattern", "fixation_pattern", "codec", "reason", "content"), ""
    )
    whole = ("first_frame", "first_annotation", "n_frames", "width", "height", "n_fixated_frames")
    zero = dict.fromkeys((*whole, "size_bytes", "mtime_ns"), 0)
    other = {"fps": 0.0, "keyframes": (), "keyframe_frames": (), "status": "ok"}
    place = {name: getattr(entry, name) for name in ("split", "clip", "source_video", "media", "path")}
    row: dict[str, Any] = {**empty, **zero, **other, "corpus": corpus, **place, **columns}
    return Clip(**row)


def content_of(root: Path | str, clip: Clip) -> str:
    """Return a hash of what is in a clip's files, in order of name; just read, they are still in memory.

    Raises:
        OSError: one of them cannot be read.
    """
    digest = hashlib.sha256()
    for path in clip.paths():
        with Path(root, path).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def has_content(root: Path | str, clip: Clip) -> bool:
    """Whether a clip's files still hold what they held when it was read; False where one cannot be read.

    Of a quarantined clip no contents are known, so that they are not another's.
    """
    try:
        return not clip.content or content_of(root, clip) == clip.content
    except OSError:
        return False


def require_as_indexed(root: Path | str, clip: Clip) -> None:
    """Make sure that a clip just read is the one that its row tells of: results are kept by its contents.

    Files of the sizes and times as indexed are taken for the same; others, as in a copy, are hashed: once in
    a process, until one of them is another. Where one is not there nothing is compared: what reads it says
    so, and frames alone need no annotations.

    Raises:
        ProblemError: its files hold something else.
    """
    try:
        found = _states(root, clip) if clip.content else {}
    except OSError:
        return
    if not _as_indexed(clip, found):
        told_apart_by = tuple((s.st_size, s.st_mtime_ns, s.st_ctime_ns) for s in found.values())
        _require_content(str(root), clip, hash(told_apart_by))


@lru_cache(maxsize=1 << 16)
def require_once(root: Path | str, clip: Clip) -> None:
    """Do as `require_as_indexed`, once in a process for a clip that is sound: for who reads it in pieces."""
    require_as_indexed(root, clip)


def has_states(root: Path | str, clip: Clip) -> bool:
    """Whether each of a clip's files has the name, size and time that it was indexed with."""
    try:
        return states_of(root, clip) == clip.states
    except OSError:
        return False


def states_of(root: Path | str, clip: Clip) -> str:
    """Return a hash of the name, size and time of each of a clip's files.

    Raises:
        OSError: one of them is not there.
    """
    return _hashed(_states(root, clip))


def with_states(root: Path | str, clip: Clip) -> Clip:
    """Return a clip whose files are as they were read with their states; as it is where one is not there."""
    try:
        return replace(clip, states=states_of(root, clip))
    except OSError:
        return clip


def _states(root: Path | str, clip: Clip) -> dict[str, os.stat_result]:
    # A Path for each file takes half of the time.
    return {path: os.stat(f"{root}/{path}") for path in clip.paths()}  # noqa: PTH116


def _hashed(states: Mapping[str, os.stat_result]) -> str:
    told = (f"{path} {state.st_size} {state.st_mtime_ns}\n" for path, state in states.items())
    return hashlib.sha256("".join(told).encode()).hexdigest()[:16]


def _as_indexed(clip: Clip, states: Mapping[str, os.stat_result]) -> bool:
    """Whether files are, by their sizes and times, those that were indexed."""
    if clip.states:
        return _hashed(states) == clip.states
    size, times = sum(s.st_size for s in states.values()), [s.st_mtime_ns for s in states.values()]
    return (size, max(times, default=0)) == (clip.size_bytes, clip.mtime_ns)


@lru_cache(maxsize=1 << 16)
def _require_content(root: str, clip: Clip, states: int) -> None:
    """Compare a clip's files with its row, once for the states that they are in."""
    del states
    if not has_content(root, clip):
        raise changed(root, clip, ClipError("changed-files", "the files", "other contents"))


def changed(root: Path | str, clip: Clip, error: ClipError) -> ProblemError:
    """Return what is not as it was indexed, for whoever trains or evaluates."""
    where = f"{clip.corpus}/{clip.clip} ({Path(root) / (error.path or clip.path)})"
    remedy = "Restore the file or index the corpus again."
    return ProblemError(Problem(where, f"{error.expected}, as indexed", error.found, remedy))
