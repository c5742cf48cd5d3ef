"""The scores of a plan's cells as the ledger holds them, and why a cell has none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pyarrow.compute as pc

from grid.outputs import external
from grid.plan import Cell, Plan
from grid.results.ledger import Ledger


class Scores(NamedTuple):
    """What tables need of an evaluation: far less than its rows, of which there may be a million.

    Attributes:
        frame_means: metric → mean over frames; NaN where none has a score.
        clip_means: metric → mean over the means of clips.
        by_clip: metric → clip → mean over its frames; only clips of which some frame has a score.
        clips: the test clips that were read.
        unread: test clips that could not be read when it was their turn, and are not in the means.
        quarantined: test clips that were left out since the corpus was indexed.
        shorter: test clips that have too few frames for the table's tests.
        constant: frames that were predicted without contrast, and count as chance.
        computed: by what its training and its test were computed (`grid.results.provenance.computed`).
        returned: they are a benchmark's, which returns means over frames alone.
        frames_by_clip: metric → clip → how many of its frames have a score.
    """

    frame_means: dict[str, float]
    clip_means: dict[str, float]
    by_clip: dict[str, dict[str, float]]
    clips: frozenset[str]
    n_frames: int
    unread: frozenset[str]
    quarantined: int
    shorter: int = 0
    constant: int = 0
    computed: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    returned: bool = False
    frames_by_clip: Mapping[str, dict[str, int]] = MappingProxyType({})

    def frames_of(self, metric: str) -> frozenset[tuple[str, int]]:
        """Return each clip with its frames that have a score; of what a benchmark returned none are known."""
        return frozenset((self.frames_by_clip.get(metric) or dict.fromkeys(self.clips, 1)).items())


class Results:
    """A plan with its results; each file is read once, whichever tables show it.

    Args:
        plan: the cells.
        ledger: what is done.
        places: what commands name; the ledger's own folder alone where they are left out.
    """

    def __init__(self, plan: Plan, ledger: Ledger, places: external.Places | None = None) -> None:
        self.plan, self.ledger = plan, ledger
        self._places = places or external.Places(str(ledger.out))
        self._scores = cache(self._read)
        self._klds = cache(self._read_kld)

    def scores(self, cell: Cell) -> Scores | None:
        """Return a cell's scores, or None while it is not evaluated."""
        return self._scores(cell.evaluation, cell.training) if cell.evaluation else self._returned(cell)

    def scores_of(self, cells: Iterable[Cell]) -> list[Scores]:
        """Return the scores of those that are evaluated."""
        return [scores for scores in map(self.scores, cells) if scores]

    def value(self, cell: Cell, metric: str) -> float | None:
        """Return a cell's mean over frames, or None where there is none."""
        scores = self.scores(cell)
        value = scores.frame_means.get(metric, math.nan) if scores else math.nan
        return None if math.isnan(value) else value

    def with_values(self, cells: Iterable[Cell]) -> list[Cell]:
        """List the cells that have a value of each metric of their tables, whoever has evaluated them."""
        metrics = {table.name: table.metrics for table in self.plan.tables}
        return [
            cell for cell in cells if all(self.value(cell, name) is not None for name in metrics[cell.table])
        ]

    def lacking(self, cells: Iterable[Cell]) -> list[Cell]:
        """List the others, but for points that were stopped early, which are to have none."""
        cells = [*cells]
        done = set(self.with_values(cells))
        return [cell for cell in cells if cell not in done and not self.ledger.stops.of(cell.training)]

    def validation_kld(self, cell: Cell) -> float | None:
        """Return the validation KLD that chose a cell's weights, or None while there are none."""
        tested = self.plan.evaluations.get(cell.evaluation)
        return self._klds(cell.training, tested.spec.weights if tested else "")

    def reason(self, cell: Cell, metrics: tuple[str, ...]) -> str:
        """Say why a cell lacks values, by the first thing that went wrong; empty where it has them all."""
        if scores := self.scores(cell):
            lacking = [metric for metric in metrics if self.value(cell, metric) is None]
            why = "nothing was returned for" if scores.returned else "no frame has a score for"
            return f"{why} {', '.join(lacking)}" if lacking else ""
        result = self.ledger.path("evaluation", cell.evaluation)
        if cell.evaluation and result.exists():
            return f"{self._relative(result)} cannot be read"
        for training in self._chain(cell):
            failure = self.ledger.failure(training)
            if failure and self.ledger.status(training, "training") == "failed":
                return f"training failed, see {self._relative(failure)}"
            if (stopped := self.ledger.stops.of(training)) and not self.ledger.read_training(training):
                return f"stopped early {stopped.words}"
        if cell.evaluation and (failure := self.ledger.failure(cell.evaluation)):
            return f"evaluation failed, see {self._relative(failure)}"
        return self._next(cell)

    def _next(self, cell: Cell) -> str:
        """Say what a cell waits for of which nothing has failed."""
        # Whether its weights are still there is nothing to a table: an exported folder has none.
        if not self.ledger.read_training(cell.training):
            return "not trained yet"
        if self.validation_kld(cell) is None:
            return f"trained without this selection, --redo {cell.training} makes it again"
        return "not evaluated yet" if cell.evaluation else external.how_to_get(cell, self._places)

    @cached_property
    def returned(self) -> external.Returned:
        """What benchmarks have returned of the plan's withheld cells."""
        return external.read(self.plan, self.ledger.out)

    def _chain(self, cell: Cell) -> list[str]:
        """List the trainings that a cell needs, the parent first."""
        chain = [cell.training]
        while parent := self.plan.trainings[chain[0]].parent:
            chain.insert(0, parent)
        return chain

    def _read(self, evaluation: str, training: str) -> Scores | None:
        result = self.ledger.read_evaluation(evaluation)
        if not result:
            return None
        trained = self.ledger.read_training(training)
        computed = [("trained", by) for by in (trained.summary if trained else {}).get("computed", ())]
        computed += [("tested", by) for by in result.summary.get("computed", ())]
        by_clip, frames = {}, {}
        for metric in result.metrics:
            table = result.by_clip(metric).drop_null().to_pydict()
            by_clip[metric] = dict(zip(table["clip"], table["mean"], strict=True))
            frames[metric] = dict(zip(table["clip"], table["frames"], strict=True))
        return Scores(
            result.scores,
            result.per_video,
            by_clip,
            frozenset(pc.unique(result.frames["clip"]).to_pylist()),
            result.n_frames,
            frozenset(result.summary.get("unread", ())),
            result.summary.get("quarantined", 0),
            result.summary.get("shorter", 0),
            result.summary.get("constant", 0),
            tuple(computed),
            frames_by_clip=frames,
        )

    def _returned(self, cell: Cell) -> Scores | None:
        found = self.returned.scores.get((cell.training, cell.test))
        return Scores(found, {}, {}, frozenset(), 0, frozenset(), 0, returned=True) if found else None

    def _read_kld(self, training: str, chosen: str) -> float | None:
        result = self.ledger.read_training(training)
        return result.validation_kld(chosen) if result else None

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.ledger.out).as_posix()
