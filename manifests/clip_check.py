"""What keeps clips from being a manifest, found all at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from manifests.problem import Problem
from manifests.schema import MEDIA, SPLITS, STATUSES, Clip


def clip_problems(corpus: str, clips: Sequence[Clip]) -> list[Problem]:
    """Return everything that keeps these clips from being a manifest of ``corpus``; empty when sound."""
    problems = []
    seen: dict[str, Clip] = {}
    for clip in clips:
        where = f"{corpus}/{clip.clip}"
        if clip.clip in seen:
            found = f"it twice, at {seen[clip.clip].path} and {clip.path}"
            problems.append(Problem(where, "every clip once", found, "Remove one of them, or rename it."))
        seen[clip.clip] = clip
        problems += [
            Problem(where, expected, found, remedy) for expected, found, remedy in _faults(corpus, clip)
        ]
    return problems


def _faults(corpus: str, clip: Clip) -> list[tuple[str, str, str]]:
    """Return (expected, found, remedy) for each fault of one clip's row."""
    mend = "Mend the adapter that made this row."
    faults = []
    if clip.corpus != corpus:
        faults.append((f"corpus {corpus}", f"{clip.corpus}", mend))
    for name, value, allowed in (
        ("split", clip.split, SPLITS),
        ("media", clip.media, MEDIA),
        ("status", clip.status, STATUSES),
    ):
        if value not in allowed:
            faults.append((f"{name} one of {', '.join(allowed)}", repr(value), mend))
    for path in (clip.path, clip.frame_pattern, clip.map_pattern, clip.fixation_pattern):
        if path.startswith("/") or (".." in path and ".." in PurePosixPath(path).parts):
            faults.append(("paths inside the corpus root", path, "Move the file under the root."))
    if clip.status == "ok" and min(clip.n_frames, clip.width, clip.height) < 1:
        found = f"{clip.n_frames} frames of {clip.width}x{clip.height}"
        faults.append(("a usable clip to have frames", found, "Quarantine it with a reason."))
    if len(clip.keyframes) != len(clip.keyframe_frames):
        found = f"{len(clip.keyframes)} and {len(clip.keyframe_frames)}"
        faults.append(("as many keyframes as their frame numbers", found, mend))
    if (clip.status == "quarantined") != bool(clip.reason):
        faults.append(("a reason exactly for quarantined clips", f"{clip.status}, {clip.reason!r}", mend))
    return faults
