"""How a damaged clip is told: as a finding, as the reason of its quarantine, as a row without content."""

from __future__ import annotations

import os
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


def changed(root: Path | str, clip: Clip, error: ClipError) -> ProblemError:
    """Return what is not as it was indexed, for whoever trains or evaluates."""
    where = f"{clip.corpus}/{clip.clip} ({Path(root) / (error.path or clip.path)})"
    remedy = "Restore the file or index the corpus again."
    return ProblemError(Problem(where, f"{error.expected}, as indexed", error.found, remedy))
