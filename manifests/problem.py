"""Problems as data: all of them are found before anything stops, and each says what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath

from manifests.schema import MEDIA, SPLITS, STATUSES, Clip


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it must be.

    Args:
        where: the clip, file or setting concerned.
        expected: what should have been there.
        found: what was there.
        remedy: what to do about it.
    """

    where: str
    expected: str
    found: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: expected {self.expected}, found {self.found}. {self.remedy}"


class ProblemError(Exception):
    """One or more problems, raised together so that all can be mended at once."""

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        self.problems: list[Problem] = [problems] if isinstance(problems, Problem) else list(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return str(self.problems[0])
        lines = [f"{n}. {problem}" for n, problem in enumerate(self.problems, start=1)]
        return "\n".join([f"{len(lines)} problems:", *lines])


@contextmanager
def gathered(problems: list[Problem]) -> Iterator[None]:
    """Add what the block raises to `problems` and go on, so that all is told together afterwards."""
    try:
        yield
    except ProblemError as error:
        problems += error.problems


def suggest(word: str, available: Iterable[str]) -> str:
    """Say what an unknown word may have meant and what there is; upper and lower case are no difference."""
    names = {name.lower(): name for name in sorted(available)}
    near = difflib.get_close_matches(word.lower(), names, n=1)
    guess = f"Did you mean {names[near[0]]}? " if near else ""
    return f"{guess}Available: {', '.join(names.values())}."


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
