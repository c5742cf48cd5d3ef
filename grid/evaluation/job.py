"""An evaluation with all that workers need to do it, in parts."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from grid.results.manifest_place import ManifestPlace
from grid.results.provenance import unlike
from grid.results.sources import Code, code_of, eldest
from grid.results.storage import Storage
from grid.specs.settings import Test
from hd2s.models.config import Input
from manifests.problem import Problem, ProblemError
from manifests.schema import Clip

# A minute or so of one GPU: a large test split has some for every worker, while a small one stays whole.
_FRAMES_IN_A_PART = 6000


@dataclass(frozen=True)
class EvaluationJob:
    """An evaluation and the places that it needs.

    Attributes:
        id: the evaluation's id.
        test: the corpus.
        input: what the model looks at in it.
        domain: the corpus whose own layers the model takes; None for a model without.
        training: whose weights are tested, by its id.
        weights: where they are.
        manifest: where the test corpus is.
        expected: clip -> frames, of all test clips.
        quarantined: test clips that were found unusable when the corpus was indexed.
        shorter: test clips that have too few frames for the protocol.
        parts: the test clips, shared out so that workers take about equally long.
        protocol: how it is tested.
        metrics: by which.
        batch: frames forwarded at once.
        gpu: run on the accelerator that Ray has given.
        scorers: threads that score frames; how many changes nothing.
        plugins: folders of plug-ins.
        likeness: of evaluations that take as long for each frame (`grid.plan.Plan.likeness`).
        modules: those that its code begins in (`grid.results.sources`).
    """

    id: str
    test: str
    input: Input
    domain: str | None
    training: str
    weights: str
    manifest: ManifestPlace
    expected: Mapping[str, int]
    quarantined: int
    shorter: int
    parts: tuple[tuple[str, ...], ...]
    protocol: Test
    metrics: tuple[str, ...]
    batch: int
    gpu: bool
    scorers: int
    plugins: tuple[str, ...] = ()
    likeness: str = ""
    modules: tuple[str, ...] = ()

    def brought(self, storage: Storage) -> EvaluationJob:
        """Return the job with its places on this machine, and what lies there.

        Raises:
            OSError: the storage does not answer, or lacks something.
            ProblemError: the disk is full.
        """
        return replace(
            self,
            weights=str(storage.fetch(self.weights)),
            manifest=self.manifest.brought(storage),
            plugins=tuple(str(storage.fetch_folder(folder)) for folder in self.plugins),
        )

    def gather(self, results: list[Part]) -> tuple[pa.Table, dict[str, Any], dict[str, int]]:
        """All parts' rows as one table, the evaluation's summary, and the frames of each clip in it.

        Raises:
            ProblemError: not one clip could be scored.
        """
        unread = {clip: why for part in results for clip, why in part.unread.items()}
        expected = {clip: n for clip, n in self.expected.items() if clip not in unread}
        if not expected:
            clip, why = next(iter(unread.items()))
            remedy = f"The first, {clip}: {why}"
            raise ProblemError(Problem(self.id, "test clips that can be read", "none", remedy))
        frames = pa.concat_tables(part.frames for part in results if part.frames is not None)
        # Frames and likeness, with the seconds: what others of its kind will take (`grid.commands.measured`).
        measured = {
            "seconds": sum(part.seconds for part in results),
            "device": results[0].computed.get("device", ""),
            "computed": unlike(part.computed for part in results),
            "frames": frames.num_rows,
            "likeness": self.likeness,
        }
        left_out = {"quarantined": self.quarantined, "shorter": self.shorter}
        code = eldest((part.code for part in results), code_of(self.modules))
        summary = {**measured, "unread": unread, **left_out, "code": code}
        if constant := sum(sum(part.constant.values()) for part in results):
            summary["constant"] = constant
        return frames, summary, expected


@dataclass(frozen=True)
class Part:
    """What came of a part of an evaluation: rows, pictures, and the clips that could not be read, with why.

    `computed`: by what (`grid.results.provenance.computed`).
    `pictures`: clip -> PNG file, of the clips that `grid.evaluation.pictures.shown` has chosen.
    `constant`: clip -> how many of its frames are predicted constant (`hd2s.metrics.benchmark.is_constant`).
    `code`: what made it.
    """

    frames: pa.Table | None
    seconds: float
    unread: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    computed: Mapping[str, Any] = field(default_factory=dict)
    constant: Mapping[str, int] = field(default_factory=dict)
    code: Code | None = None


def share_out(clips: Sequence[Clip]) -> tuple[tuple[str, ...], ...]:
    """Split a test set into parts of about equal length, longest clips first."""
    n_parts = max(1, round(sum(clip.n_frames for clip in clips) / _FRAMES_IN_A_PART))
    parts: list[list[str]] = [[] for _ in range(min(n_parts, len(clips)))]
    loads = [(0, part) for part in range(len(parts))]
    for clip in sorted(clips, key=lambda clip: -clip.n_frames):
        load, lightest = loads[0]
        parts[lightest].append(clip.clip)
        heapq.heapreplace(loads, (load + clip.n_frames, lightest))
    return tuple(tuple(part) for part in parts)
