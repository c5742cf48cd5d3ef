"""The table of differences: pairs of approaches that stand in the same place, compared clip by clip."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grid.outputs.tables.footnotes import SEEDS, clip_notes, length_notes, share, sign
from grid.outputs.tables.layout import Layout, gather, layout_of, where
from grid.outputs.tables.paired import CONFIDENCE, RESAMPLES, Comparison, compare
from grid.outputs.tables.scores import Results
from grid.outputs.tables.selection import choose, sweep_notes
from grid.outputs.tables.table import Block, Column, Entry, Group, Missing, Row, Style, Table, number
from grid.plan import Cell
from grid.specs.table import TableSpec
from hd2s.approaches.registry import approaches
from hd2s.models.registry import models

_COLUMNS = ("clips", "difference", f"{CONFIDENCE:.0%} interval", "p")


@dataclass(frozen=True)
class _Pair:
    """Two approaches in one place: for each seed the plain one's cell and the other's."""

    cells: tuple[tuple[Cell, Cell], ...]

    @property
    def first(self) -> Cell:
        return self.cells[0][0]

    @property
    def words(self) -> tuple[str, str]:
        return self.cells[0][0].approach, self.cells[0][1].approach

    @property
    def title(self) -> str:
        plain, other = (approaches()[word].title for word in self.words)
        return f"{other} minus {plain}"

    def done(self, results: Results) -> list[tuple[Cell, Cell]]:
        """List the seeds of which both cells are evaluated."""
        return [(a, b) for a, b in self.cells if results.scores(a) and results.scores(b)]


def build(spec: TableSpec, results: Results, style: Style) -> Table | None:
    """Lay out a table's comparisons; None if its approaches make no pair."""
    layout = layout_of(spec)
    choices = choose([cell for cell in results.plan.cells if cell.table == spec.name], results)
    pairs = _pairs([choice.cell for choice in choices])
    if not pairs:
        return None
    found = {pair: [_compare(pair, metric, results) for metric in spec.metrics] for pair in pairs}
    titles = list(dict.fromkeys(pair.title for pair in pairs))
    return Table(
        name=f"{spec.name}-significance",
        title=f"{spec.title}: {', and '.join(titles)}",
        caption="",
        warning=style.warning,
        labels=(layout.group_heading, "Metric"),
        columns=tuple(map(Column, _COLUMNS)),
        blocks=_blocks(found, spec, layout, results),
        notes=(*_notes(spec), *sweep_notes(spec, choices), *_footnotes(pairs, spec, results)),
        missing=_missing(pairs, spec, results),
        command=style.command,
        records=tuple(
            record for pair, rows in found.items() for record in _records(pair, rows, spec, results)
        ),
    )


def differences(spec: TableSpec, results: Results) -> dict[str, dict[str, Comparison]]:
    """Return the table's comparisons by the id of each cell that improves on another: metric → comparison.

    Cells of several seeds share one, which is over all of them.
    """
    choices = choose([cell for cell in results.plan.cells if cell.table == spec.name], results)
    found: dict[str, dict[str, Comparison]] = {}
    for pair in _pairs([choice.cell for choice in choices]):
        done = [other for _, other in pair.done(results)]
        compared = {metric: _compare(pair, metric, results) for metric in spec.metrics} if done else {}
        found |= {cell.id: compared for cell in done}
    return found


def _pairs(chosen: list[Cell]) -> list[_Pair]:
    """Find the pairs among cells; of a sweep, each model has the point that its validation chose."""
    pairs = []
    improving = [(found.improves_on, word) for word, found in approaches().items() if found.improves_on]
    for plain, other in improving:
        standing = {_key(cell): cell for cell in chosen if cell.approach == other}
        matched = [(c, standing[_key(c)]) for c in chosen if c.approach == plain and _key(c) in standing]
        by_place = gather(matched, lambda cells: _key(cells[0])[:-1])
        pairs += [_Pair(tuple(seeds)) for _, seeds in by_place]
    return pairs


def _key(cell: Cell) -> tuple[Any, ...]:
    return cell.sources, cell.target, cell.test, cell.model, cell.variant, cell.repeat


def _compare(pair: _Pair, metric: str, results: Results) -> Comparison:
    means = []
    for _, seeds in gather(pair.done(results), lambda cells: cells[0].fold):
        differences = [_by_clip(a, b, metric, results) for a, b in seeds]
        # A clip counts if each model of each seed has a score for it: else seeds would mix with clips.
        clips = sorted(set.intersection(*map(set, differences)))
        means += [np.mean([of_seed[clip] for of_seed in differences]) for clip in clips]
    first = pair.first
    domains = ("+".join(first.sources), first.target or "", first.test, first.variant)
    return compare(np.array(means, dtype=float), "/".join((*pair.words, *domains, metric)))


def _by_clip(plain: Cell, other: Cell, metric: str, results: Results) -> dict[str, float]:
    before, after = (scores.by_clip.get(metric, {}) for scores in results.scores_of((plain, other)))
    return {clip: after[clip] - before[clip] for clip in before if clip in after}


def _blocks(
    found: dict[_Pair, list[Comparison]], spec: TableSpec, layout: Layout, results: Results
) -> tuple[Block, ...]:
    several = len({pair.words for pair in found}) > 1
    model_of = _model_if_several(found)

    def heading(pair: _Pair) -> str:
        return ". ".join(filter(None, (pair.title if several else "", layout.block(pair.first))))

    def group(pair: _Pair) -> str:
        return ", ".join(filter(None, (layout.group(pair.first), model_of(pair.first), pair.first.variant)))

    return tuple(
        Block(title, tuple(Group(group(pair), _rows(pair, found[pair], spec, results)) for pair in pairs))
        for title, pairs in gather(found, heading)
    )


def _model_if_several(pairs: Iterable[_Pair]) -> Callable[[Cell], str]:
    """Return what says of a cell which model it is of: nothing, where all pairs are of one."""
    several = len({pair.first.model for pair in pairs}) > 1
    return lambda cell: models()[cell.model].title if several else ""


def _rows(
    pair: _Pair, comparisons: Sequence[Comparison], spec: TableSpec, results: Results
) -> tuple[Row, ...]:
    done = pair.done(results)
    dagger = sign(results.scores_of(cell for cells in done for cell in cells))
    seeds = share(len(done), len(pair.cells))
    return tuple(
        Row(metric, _entries(comparison, seeds, dagger))
        for metric, comparison in zip(spec.metrics, comparisons, strict=True)
    )


def _entries(found: Comparison, seeds: str, dagger: str) -> tuple[Entry, ...]:
    if not found.n_clips:
        return (Entry(""),) * len(_COLUMNS)
    clips = Entry(f"{found.n_clips:,}", seeds, sign=dagger)
    difference = Entry(number(found.difference, signed=True), mark="best" if found.apart else "")
    if math.isnan(found.p):
        return clips, difference, Entry(""), Entry("")
    interval = f"[{number(found.low, signed=True)}, {number(found.high, signed=True)}]"
    p = "<0.001" if found.p < 0.001 else f"{found.p:.3f}"
    return clips, difference, Entry(interval), Entry(p)


def _footnotes(pairs: Sequence[_Pair], spec: TableSpec, results: Results) -> list[str]:
    cells = [cell for pair in pairs for cells in pair.done(results) for cell in cells]
    some = any(share(len(pair.done(results)), len(pair.cells)) for pair in pairs)
    return [*([SEEDS] if some else []), *length_notes(cells, results), *clip_notes(cells, results, spec)]


def _notes(spec: TableSpec) -> tuple[str, ...]:
    seeds = ", ".join(map(str, spec.seeds))
    several = len(spec.seeds) > 1
    average = f", averaged over the seeds {seeds} that both models have" if several else f", seed {seeds}"
    return (
        f"Difference: mean over test clips of the difference between the means of a clip{average}; long"
        " clips weigh no more than short ones, and clips that either model has no score for are left out.",
        f"Interval: {CONFIDENCE:.0%}, percentiles of {RESAMPLES:,} paired bootstrap resamples of the clips;"
        " it covers the choice of clips, not of seeds.",
        "p: two-sided Wilcoxon signed-rank test over clips, not corrected for the number of comparisons.",
        f"Bold: the interval leaves out zero and p is below {1 - CONFIDENCE:.2f}.",
    )


def _missing(pairs: list[_Pair], spec: TableSpec, results: Results) -> Missing:
    """Gather the pairs of which a seed cannot be compared, by the reason of the model that lacks values."""
    lacking: list[tuple[str, str]] = []
    model_of = _model_if_several(pairs)
    for pair in pairs:
        reasons = {results.reason(cell, spec.metrics): cell for cells in pair.cells for cell in cells}
        reasons.pop("", None)
        for reason, cell in list(reasons.items())[:1]:
            seed = f" (seed {cell.seed})" if len(spec.seeds) > 1 else ""
            told = f"{approaches()[cell.approach].title}{seed}: {reason}"
            lacking.append((told, ", ".join(filter(None, (where(cell), model_of(cell), cell.variant)))))
    by_reason = gather(lacking, lambda item: item[0])
    places = tuple((reason, tuple(place for _, place in items)) for reason, items in by_reason)
    return Missing("comparisons", len(pairs), places)


def _records(
    pair: _Pair, comparisons: Sequence[Comparison], spec: TableSpec, results: Results
) -> list[dict[str, Any]]:
    first, done = pair.first, pair.done(results)
    axes = {
        "table": spec.name,
        "sources": "+".join(first.sources),
        "target": first.target,
        "test": first.test,
        "model": first.model,
        "variant": first.variant,
        "approach": pair.words[1],
        "minus": pair.words[0],
        "n_seeds": len(done),
        "of_seeds": len(pair.cells),
    }
    return [
        {**axes, "metric": metric, **{key: _defined(value) for key, value in found._asdict().items()}}
        for metric, found in zip(spec.metrics, comparisons, strict=True)
    ]


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else value
