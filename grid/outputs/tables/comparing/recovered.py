"""The table of recovered gaps: how much of what the target's maps would bring comes without them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from grid.outputs.statistics.paired import compare
from grid.outputs.statistics.resampling import CONFIDENCE, interval
from grid.outputs.tables.arrangement import arranged, in_order, recorded
from grid.outputs.tables.below.footnotes import SEEDS, share, sign, sign_notes
from grid.outputs.tables.comparing.places import Standing, in_every_fold, ranked
from grid.outputs.tables.layout import gather
from grid.outputs.tables.scores import Results
from grid.outputs.tables.table import (
    Block,
    Column,
    Entry,
    Group,
    Missing,
    Row,
    Style,
    Table,
    defined,
    heading,
)
from grid.plan import Cell
from grid.specs.table import TableSpec
from hd2s.approaches.registry import approaches
from hd2s.metrics.definitions import find_metric

LOWER, UPPER = "generalization", "transfer"
"""What is trained on the source alone, and what has the target's maps: nothing and all of the gap."""


class Recovered(NamedTuple):
    """(approach − generalization) / (transfer − generalization), of means over clips and seeds.

    NaN where transfer is no better than generalization, so that there is no gap, or nothing is evaluated.
    Both ends are NaN of a single clip, and where the gap is not clear of zero.
    """

    n_clips: int
    value: float
    low: float
    high: float


class _Line(NamedTuple):
    """An approach in one place, with what it recovers in each metric, and its cells with those of the bounds.

    Of these there are as many as seeds and folds: those wanted, and those that all have results.
    """

    standing: Standing
    approach: str
    found: Mapping[str, Recovered]
    wanted: tuple[tuple[Cell, ...], ...]
    done: tuple[tuple[Cell, ...], ...]

    @property
    def seeds(self) -> str:
        """How many of the seeds it is over; empty if all, or none."""
        return share(len(self.done), len(self.wanted))


def build(own: TableSpec, results: Results, style: Style) -> Table | None:
    """Lay out a table's recovered gaps; None where no approach stands beside both bounds."""
    spec, metrics = arranged(own, style.shown), recorded(own, style.shown)
    lines = [
        _line(standing, word, metrics, results)
        for standing in in_order(ranked(spec, results), lambda one: one.first, style.shown.order)
        if {LOWER, UPPER} <= set(standing.cells)
        for word in standing.cells
        if word not in (LOWER, UPPER)
    ]
    if not lines:
        return None
    several = len({line.standing.first.model for line in lines}) > 1
    return Table(
        name=f"{spec.name}-recovered",
        title=f"{spec.title}: recovered gap",
        caption="",
        warning=style.warning,
        labels=("Pair", "Approach"),
        columns=tuple(Column(heading(metric)) for metric in spec.metrics),
        blocks=(_each(lines, spec.metrics, several, results), *_overall(lines, spec)),
        in_float=style.shown.notes,
        notes=(*_NOTES, *_footnotes(lines, spec, results, several)),
        missing=_missing(lines, spec, results, several),
        command=style.command,
        records=tuple(record for line in lines for record in _records(line, spec)),
    )


_NOTES = (
    "Recovered gap: (approach − generalization) / (transfer − generalization), of means over test clips and"
    " seeds: 0 % is the source's model as it is, 100 % one that was fine-tuned with the target's maps.",
    f"In brackets: the {CONFIDENCE:.0%} interval, BCa bootstrap over clips and, of several, seeds.",
    "A dash: transfer is no better than generalization there, so that there is no gap.",
    "Worst: the lowest of the pairs, each weighing the same in the mean.",
)
_PAIRS = "(n/m) beside a mean: over the n of m pairs that have a gap."
# A bootstrap of shares of a gap that changes its sign says too little.
_UNCLEAR = (
    f"No brackets: the {CONFIDENCE:.0%} interval of the gap itself includes zero, so that any share of it is"
    " possible."
)


def _footnotes(lines: list[_Line], spec: TableSpec, results: Results, several: bool) -> list[str]:
    cells = [cell for line in lines for cells in line.done for cell in cells]
    shown = [line.found[metric] for line in lines for metric in spec.metrics]
    unclear = any(math.isnan(one.low) and one.n_clips > 1 for one in shown if not math.isnan(one.value))
    lack_seeds = any(line.seeds for line in lines)
    lack_pairs = any(math.isnan(line.found[metric].value) for line in lines for metric in spec.metrics)
    notes = _worst_pairs(lines, spec, several) if _several_pairs(lines) else []
    notes += [*([_UNCLEAR] if unclear else []), *([SEEDS] if lack_seeds else [])]
    notes += [_PAIRS] if lack_pairs and len(lines) > 1 else []
    return [*notes, *sign_notes(cells, results, spec)]


def _line(standing: Standing, approach: str, metrics: Sequence[str], results: Results) -> _Line:
    wanted = standing.side_by_side(LOWER, approach, UPPER)
    done = tuple(in_every_fold(cells for cells in wanted if all(map(results.scores, cells))))
    found = {metric: _recovered(standing, approach, metric, results) for metric in metrics}
    return _Line(standing, approach, found, wanted, done)


def _recovered(standing: Standing, approach: str, metric: str, results: Results) -> Recovered:
    clips, _, scores = standing.by_clip((LOWER, approach, UPPER), metric, results)
    n_clips = len(clips)
    if not n_clips:
        return Recovered(0, math.nan, math.nan, math.nan)
    gaps = (scores[2] - scores[0]) * (1 if find_metric(metric).larger_is_better else -1)
    if gaps.mean() <= 0:
        return Recovered(n_clips, math.nan, math.nan, math.nan)
    ends = (math.nan, math.nan)
    if compare(gaps, f"gap/{standing.name}/{metric}").low > 0:
        ends = interval(scores, _share, f"recovered/{approach}/{standing.name}/{metric}")
    return Recovered(n_clips, float(_share(scores.mean((1, 2)))), *ends)


def _share(means: np.ndarray) -> np.ndarray:
    lower, found, upper = np.moveaxis(means, -1, 0)
    return (found - lower) / (upper - lower)


def _each(lines: list[_Line], metrics: Sequence[str], several: bool, results: Results) -> Block:
    by_place = gather(lines, lambda line: line.standing.title(several_models=several))
    rows = ((name, tuple(_row(line, metrics, results) for line in members)) for name, members in by_place)
    return Block("", tuple(Group(name, members) for name, members in rows))


def _row(line: _Line, metrics: Sequence[str], results: Results) -> Row:
    dagger = sign(results.scores_of(cell for cells in line.done for cell in cells))
    entries = tuple(_entry(line.found[metric], line.seeds, dagger) for metric in metrics)
    return Row(approaches()[line.approach].title, entries)


def _entry(found: Recovered, seeds: str, dagger: str) -> Entry:
    if math.isnan(found.value):
        return Entry("")
    ends = "" if math.isnan(found.low) else f"[{percent(found.low)}, {percent(found.high)}]"
    return Entry(f"{percent(found.value)} %", " ".join(filter(None, (ends, seeds))), sign=dagger)


def percent(share: float) -> str:
    """Write a share of a gap in whole percent, without the sign."""
    if math.isinf(share):
        return "∞" if share > 0 else "−∞"
    return f"{100 * share:.0f}".replace("-0", "0").replace("-", "−")


def _several_pairs(lines: list[_Line]) -> bool:
    return len(lines) > len({line.approach for line in lines})


def _overall(lines: list[_Line], spec: TableSpec) -> tuple[Block, ...]:
    if not _several_pairs(lines):
        return ()
    groups = []
    for word, members in gather(lines, lambda line: line.approach):
        mean, worst = zip(*(_mean_and_worst(members, metric) for metric in spec.metrics), strict=True)
        groups.append(Group(approaches()[word].title, (Row("mean", mean), Row("worst", worst))))
    return (Block("All pairs", tuple(groups)),)


def _mean_and_worst(members: list[_Line], metric: str) -> tuple[Entry, Entry]:
    known = _known(members, metric)
    if not known:
        return Entry(""), Entry("")
    shares = [line.found[metric].value for line in known]
    of = "" if len(known) == len(members) else f"({len(known)}/{len(members)})"
    return Entry(f"{percent(sum(shares) / len(shares))} %", of), Entry(f"{percent(min(shares))} %")


def _worst_pairs(lines: list[_Line], spec: TableSpec, several: bool) -> list[str]:
    """Say which pairs are the worst: in the cells, their names would be wider than all numbers."""
    told = []
    for word, members in gather(lines, lambda line: line.approach):
        known = [(metric, found) for metric in spec.metrics if (found := _known(members, metric))]
        worst = [(_worst(found, metric).title(several_models=several), metric) for metric, found in known]
        by_pair = gather(worst, lambda item: item[0])
        pairs = "; ".join(f"{pair} ({', '.join(metric for _, metric in of)})" for pair, of in by_pair)
        told += [f"Worst of {approaches()[word].title}: {pairs}."] if pairs else []
    return told


def _worst(lines: list[_Line], metric: str) -> Standing:
    return min(lines, key=lambda line: line.found[metric].value).standing


def _known(members: list[_Line], metric: str) -> list[_Line]:
    return [line for line in members if not math.isnan(line.found[metric].value)]


def _missing(lines: list[_Line], spec: TableSpec, results: Results, several: bool) -> Missing:
    reasons = [
        (reason, line.standing.title(several_models=several))
        for line in lines
        if (reason := line.standing.lacking((LOWER, line.approach, UPPER), spec.metrics, results))
    ]
    return Missing.of("recovered gap", len(lines), reasons)


def _records(line: _Line, spec: TableSpec) -> list[dict[str, Any]]:
    first = line.standing.first
    axes = {
        "table": spec.name,
        "sources": "+".join(first.sources),
        "target": first.target,
        "test": first.test,
        "model": first.model,
        "variant": first.variant,
        "approach": line.approach,
    }
    return [
        {
            **axes,
            "metric": metric,
            "n_seeds": len(line.done),
            "of_seeds": len(line.wanted),
            "n_clips": found.n_clips,
            **{
                name: defined(value)
                for name, value in zip(("recovered", "low", "high"), found[1:], strict=True)
            },
        }
        for metric, found in line.found.items()
    ]
