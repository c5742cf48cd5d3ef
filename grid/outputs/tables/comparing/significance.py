"""The table of differences: approaches, models or variants in the same place, compared clip by clip."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from grid.outputs.statistics.corrections import benjamini_hochberg, holm
from grid.outputs.statistics.paired import Comparison, compare
from grid.outputs.statistics.resampling import CONFIDENCE, RESAMPLES
from grid.outputs.tables.arrangement import arranged, in_order, recorded
from grid.outputs.tables.below.footnotes import SEEDS, length_notes, share, sign, sign_notes
from grid.outputs.tables.comparing.places import (
    Standing,
    differences_by_clip,
    in_every_fold,
    pairs_asked,
    ranked,
    title_of,
)
from grid.outputs.tables.layout import Layout, gather, layout_of, where, with_sources
from grid.outputs.tables.scores import Results
from grid.outputs.tables.selection import choose, sweep_notes
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
    number,
    probability,
)
from grid.plan import Cell
from grid.specs.table import TableSpec
from grid.specs.tables.compared import COMPARED, Compared
from hd2s.models.registry import models

_Found = Mapping[str, Comparison]
"""Metric → how far the two lie apart in it."""
_COLUMNS = ("clips", "difference", f"{CONFIDENCE:.0%} interval", "p", "p (Holm)", "p (BH)")
# Pairs that a title names; of more, each is named above its rows.
_IN_TITLE = 2

# By whether there are several seeds.
_COVERS = {False: "; it covers the choice of clips, not of seeds", True: " and, with them, of the seeds"}


class _Pair(NamedTuple):
    """Two in one place, and of each seed, in each fold, the plain one's cell and the other's."""

    standing: Standing
    plain: str
    other: str
    cells: tuple[tuple[Cell, ...], ...]
    by: Compared = "approach"

    @property
    def first(self) -> Cell:
        return self.standing.first

    @property
    def title(self) -> str:
        plain, other = (title_of(self.by, word) for word in (self.plain, self.other))
        return f"{other} minus {plain}"

    def shared(self, *, several_models: bool) -> list[str]:
        """Say what both have in common besides their place, as far as it is not all pairs'."""
        first = self.first
        model = models()[first.model].title if several_models else ""
        approach = title_of("approach", first.approach)
        of = {
            "approach": (model, first.variant),
            "model": (approach, first.variant),
            "variant": (model, approach),
        }
        return [word for word in of[self.by] if word]

    def done(self, results: Results) -> list[tuple[Cell, ...]]:
        """List the seeds of which both cells are evaluated, in each fold."""
        return in_every_fold(cells for cells in self.cells if all(map(results.scores, cells)))


def build(own: TableSpec, results: Results, style: Style) -> Table | None:
    """Lay out a table's comparisons; None if its approaches make no pair."""
    spec, asked = arranged(own, style.shown), style.shown
    layout = layout_of(spec)
    pairs = _pairs(spec, results)
    if not pairs:
        return None
    found = _compared(pairs, recorded(own, asked), results)
    shown = {pair: found[pair] for pair in in_order(found, lambda pair: pair.first, asked.order)}
    titles = _titles(pairs)
    return Table(
        name=f"{spec.name}-significance",
        title=f"{spec.title}: {', and '.join(titles) if len(titles) <= _IN_TITLE else 'differences'}",
        caption="",
        warning=style.warning,
        labels=(layout.group_heading, "Metric"),
        columns=tuple(map(Column, _COLUMNS)),
        blocks=_blocks(shown, spec, layout, results, asked.digits),
        in_float=asked.notes,
        notes=(
            *_notes(spec),
            *sweep_notes(spec, choose(results.plan.cells_of(spec.name), results)),
            *_footnotes(pairs, spec, results),
        ),
        missing=_missing(pairs, spec, results),
        command=style.command,
        records=tuple(
            record for pair, rows in found.items() for record in _records(pair, rows, spec, results)
        ),
    )


def differences(spec: TableSpec, results: Results) -> dict[str, dict[str, Comparison]]:
    """Return the comparisons of approaches by the id of each cell that improves on another's.

    Metric → comparison; cells of several seeds share one, which is over all of them.
    """
    compared = _compared(_pairs(spec, results), spec.metrics, results)
    return {
        other.id: dict(comparisons)
        for pair, comparisons in reversed(compared.items())
        if pair.by == "approach"
        for _, other in pair.done(results)
    }


def _compared(pairs: Iterable[_Pair], metrics: Sequence[str], results: Results) -> dict[_Pair, _Found]:
    """Compare pairs by each metric; p is corrected over all comparisons of the table."""
    found = {pair: {metric: _compare(pair, metric, results) for metric in metrics} for pair in pairs}
    p = np.array([comparison.p for of_pair in found.values() for comparison in of_pair.values()])
    corrected = zip(holm(p).tolist(), benjamini_hochberg(p).tolist(), strict=True)

    def correct(comparison: Comparison) -> Comparison:
        by_holm, fdr = next(corrected)
        return comparison._replace(p_holm=by_holm, p_fdr=fdr)

    return {
        pair: {metric: correct(one) for metric, one in of_pair.items()} for pair, of_pair in found.items()
    }


def _pairs(spec: TableSpec, results: Results) -> list[_Pair]:
    return [
        _Pair(standing, plain, other, cells, by)
        for by in COMPARED
        if (asked := pairs_asked(spec, by))
        for found in [ranked(spec, results, by)]
        for other, plain in asked
        for standing in found
        if (cells := standing.side_by_side(plain, other))
        # Two that are fitted at once are beside every approach, and compared by themselves.
        if by == "approach" or standing.first.approach in {cell.approach for cell in cells[0]}
        # What two rows differ in may be nothing to a model or an approach, whose result both then have.
        if any((a.training, a.evaluation) != (b.training, b.evaluation) for a, b in cells)
    ]


def _compare(pair: _Pair, metric: str, results: Results) -> Comparison:
    of_clips = differences_by_clip(pair.done(results), metric, results)
    first = pair.first
    domains = ["+".join(first.sources), first.target or "", first.test, first.variant]
    if pair.by != "approach":
        domains += [first.model, first.approach]
    return compare(of_clips, "/".join((pair.plain, pair.other, *domains, metric)))


def _blocks(
    found: Mapping[_Pair, _Found], spec: TableSpec, layout: Layout, results: Results, digits: int
) -> tuple[Block, ...]:
    several = len(_titles(found)) > 1
    several_models = _have_several_models(found)

    def title_of_block(pair: _Pair) -> str:
        return ". ".join(filter(None, (pair.title if several else "", layout.block(pair.first))))

    def groups(pairs: Sequence[_Pair]) -> tuple[Group, ...]:
        cells = [pair.first for pair in pairs]
        shared = (pair.shared(several_models=several_models) for pair in pairs)
        labels = [", ".join((layout.group(cell), *told)) for cell, told in zip(cells, shared, strict=True)]
        rows = (_rows(pair, found[pair], spec, results, digits) for pair in pairs)
        return tuple(map(Group, with_sources(labels, cells), rows))

    return tuple(Block(title, groups(pairs)) for title, pairs in gather(found, title_of_block))


def _titles(pairs: Iterable[_Pair]) -> list[str]:
    return list(dict.fromkeys(pair.title for pair in pairs))


def _have_several_models(pairs: Iterable[_Pair]) -> bool:
    return len({pair.first.model for pair in pairs}) > 1


def _rows(pair: _Pair, found: _Found, spec: TableSpec, results: Results, digits: int) -> tuple[Row, ...]:
    done = pair.done(results)
    dagger = sign(results.scores_of(cell for cells in done for cell in cells))
    seeds = share(len(done), len(pair.cells))
    return tuple(
        Row(heading(metric), _entries(found[metric], seeds, dagger, digits)) for metric in spec.metrics
    )


def _entries(found: Comparison, seeds: str, dagger: str, digits: int) -> tuple[Entry, ...]:
    if not found.n_clips:
        return (Entry(""),) * len(_COLUMNS)
    clips = Entry(f"{found.n_clips:,}", seeds, sign=dagger)
    difference = Entry(number(found.difference, digits, signed=True), mark="best" if found.apart else "")
    if math.isnan(found.p):
        return clips, difference, *[Entry("")] * 4
    interval = f"[{number(found.low, digits, signed=True)}, {number(found.high, digits, signed=True)}]"
    return (
        clips,
        difference,
        Entry(interval),
        *map(Entry, map(probability, (found.p, found.p_holm, found.p_fdr))),
    )


def _footnotes(pairs: Sequence[_Pair], spec: TableSpec, results: Results) -> list[str]:
    cells = [cell for pair in pairs for cells in pair.done(results) for cell in cells]
    some = any(share(len(pair.done(results)), len(pair.cells)) for pair in pairs)
    return [*([SEEDS] if some else []), *length_notes(cells, results), *sign_notes(cells, results, spec)]


def _notes(spec: TableSpec) -> tuple[str, ...]:
    seeds = ", ".join(map(str, spec.seeds))
    several = len(spec.seeds) > 1
    average = f", averaged over the seeds {seeds} that both models have" if several else f", seed {seeds}"
    return (
        f"Difference: mean over test clips of the difference between the means of a clip{average}; long"
        " clips weigh no more than short ones, and clips that either model has no score for are left out.",
        f"Interval: {CONFIDENCE:.0%}, BCa bootstrap of {RESAMPLES:,} paired resamples of the clips"
        f"{_COVERS[several]}.",
        "p: two-sided Wilcoxon signed-rank test over clips; beside it corrected for all comparisons of this"
        " table, by Holm (the chance of one false discovery) and by Benjamini and Hochberg (BH: the share of"
        " false discoveries).",
        f"Bold: the interval leaves out zero and p (Holm) is below {1 - CONFIDENCE:.2f}.",
    )


def _missing(pairs: list[_Pair], spec: TableSpec, results: Results) -> Missing:
    """Gather the pairs of which a seed cannot be compared, by the reason of the model that lacks values."""
    lacking: list[tuple[str, str]] = []
    several, named = _have_several_models(pairs), len(_titles(pairs)) > 1
    for pair in pairs:
        reasons = {results.reason(cell, spec.metrics): cell for cells in pair.cells for cell in cells}
        reasons.pop("", None)
        for reason, cell in list(reasons.items())[:1]:
            seed = f" (seed {cell.seed})" if len(spec.seeds) > 1 else ""
            told = f"{title_of(pair.by, getattr(cell, pair.by))}{seed}: {reason}"
            title = [pair.title] if named else []
            lacking.append((told, ", ".join([*title, where(cell), *pair.shared(several_models=several)])))
    return Missing.of("comparison", len(pairs), lacking)


def _records(pair: _Pair, comparisons: _Found, spec: TableSpec, results: Results) -> list[dict[str, Any]]:
    first, done = pair.first, pair.done(results)
    axes = {
        "table": spec.name,
        "sources": "+".join(first.sources),
        "target": first.target,
        "test": first.test,
        "model": first.model,
        "variant": first.variant,
        "approach": first.approach,
        pair.by: pair.other,
        "minus": pair.plain,
        "compared": pair.by,
        "n_seeds": len(done),
        "of_seeds": len(pair.cells),
    }
    return [
        {**axes, "metric": metric, **{key: defined(value) for key, value in found._asdict().items()}}
        for metric, found in comparisons.items()
    ]
