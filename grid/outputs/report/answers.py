"""What a table's numbers answer: who wins where, by how much, and whether that is significant."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

from grid.outputs.report.wording import listed, span
from grid.outputs.statistics.paired import Comparison
from grid.outputs.statistics.ranks import ALPHA
from grid.outputs.tables.comparing.places import title_of
from grid.outputs.tables.comparing.ranks import rankings
from grid.outputs.tables.comparing.recovered import percent
from grid.outputs.tables.comparing.winners import Contest, contests
from grid.outputs.tables.layout import gather
from grid.outputs.tables.lines import lines_of
from grid.outputs.tables.scores import Results
from grid.outputs.tables.selection import choose
from grid.outputs.tables.table import Table, number, probability
from grid.specs.table import TableSpec
from grid.specs.tables.shown import Tables
from hd2s.approaches.registry import approaches
from hd2s.metrics.definitions import find_metric
from manifests.problem import counted

_NAMED = 3
"""Places that a sentence names; more are counted."""


def answers(
    spec: TableSpec, results: Results, significance: Table | None, recovered: Table | None, asked: Tables
) -> list[str]:
    """Return the sentences; those that lack their numbers are left out, and missing cells are counted last.

    Args:
        spec: the table.
        results: its scores.
        significance: its comparisons, if its approaches make any.
        recovered: its recovered gaps, if it has any.
        asked: how its tables are shown, and whether ours are to be held against the paper's numbers.
    """
    metric = spec.metrics[0]
    found = [*_winners(spec, metric, results, asked.digits)]
    found += _compared(significance.records if significance else (), metric)
    found += _gaps(recovered.records if recovered else (), metric)
    found += _ranks(spec, metric, results)
    found += _printed(spec, metric, results) if asked.paper != "none" and spec.paper else []
    return [*found, *_missing(spec, results)]


def _winners(spec: TableSpec, metric: str, results: Results, digits: int) -> Iterator[str]:
    found = contests(spec, metric, results)
    if not found:
        return
    alone = [one for one in found if not one.tied(digits)]
    won = Counter(one.labels[0] for one in alone).most_common()
    places, ties = counted(len(found), "place"), len(found) - len(alone)
    told = [f"{label} is best in {n} of {places}" for label, n in won[:1]]
    told += [f"{label} in {m}{_where(label, alone)}" for label, m in won[1:]]
    told += [f"in {ties if won else places} the best and the second print alike"] if ties else []
    yield f"In {metric}, {'; '.join(told)}. {_leads(found, metric, digits)}"
    rest = [one for other in spec.metrics[1:] for one in contests(spec, other, results)]
    if rest and won:
        first = won[0][0]
        m = sum(one.labels[0] == first and not one.tied(digits) for one in rest)
        others_told = listed(spec.metrics[1:])
        yield f"In the other metrics, {first} is best in {m} of {len(rest)} places ({others_told})."


def _where(label: str, found: Sequence[Contest]) -> str:
    places = [one.where for one in found if one.labels[0] == label]
    return f" ({'; '.join(places)})" if len(places) <= _NAMED else ""


def _leads(found: Sequence[Contest], metric: str, digits: int) -> str:
    """Say how far the best lie before the second, and in how many places that is more than chance."""
    leads = [abs(lead) for one in found if (lead := _lead(one, metric)) is not None]
    apart = sum(one.significant for one in found)
    mean, least, most = (number(lead, digits) for lead in (fmean(leads), min(leads), max(leads)))
    return (
        f"The best lie {mean} before the second on average ({span(least, most)});"
        f" clip by clip that is significant in {_of(apart, len(found))}."
    )


def _lead(one: Contest, metric: str) -> float | None:
    best, second = (line.values[metric].mean for line in one.lines[:2])
    return None if best is None or second is None else best - second


def _compared(records: Sequence[Mapping[str, Any]], metric: str) -> Iterator[str]:
    """Say of each two that are compared how often one is better, and by how much."""
    known = [row for row in records if row["metric"] == metric and row["difference"] is not None]
    for (by, *words), rows in gather(
        known, lambda row: (row["compared"], row[row["compared"]], row["minus"])
    ):
        better, minus = (title_of(by, word) for word in words)
        sign = 1 if find_metric(metric).larger_is_better else -1
        apart = [sign * row["difference"] for row in rows if _apart(row)]
        up, down = sum(value > 0 for value in apart), sum(value < 0 for value in apart)
        values = [row["difference"] for row in rows]
        ends = span(number(min(values), signed=True), number(max(values), signed=True))
        yield (
            f"{better} against {minus}: {metric} differs by {number(fmean(values), signed=True)} on average"
            f" over {counted(len(rows), 'pair')} ({ends}); {_verdict(up, down, len(rows))}."
        )


def _apart(row: Mapping[str, Any]) -> bool:
    """Whether both interval and corrected p say that the two differ."""
    known: Any = {name: math.nan if row[name] is None else row[name] for name in Comparison._fields}
    return Comparison(**known).apart


def _verdict(up: int, down: int, n: int) -> str:
    if not up and not down:
        return "in no pair is the difference significant" if n > 1 else "the difference is not significant"
    told = [f"significantly {word} in {m}" for word, m in (("better", up), ("worse", down)) if m]
    rest = n - up - down
    return ", ".join([*told, *([f"not told apart in {rest}"] if rest else [])])


def _gaps(records: Sequence[Mapping[str, Any]], metric: str) -> Iterator[str]:
    """Say how much of the way from no adaptation to the target's own maps each approach goes."""
    rows = [row for row in records if row["metric"] == metric and row["recovered"] is not None]
    for word in dict.fromkeys(row["approach"] for row in rows):
        own = [row for row in rows if row["approach"] == word]
        shares, unclear = [row["recovered"] for row in own], sum(row["low"] is None for row in own)
        mean, worst = (f"{percent(share)} %" for share in (fmean(shares), min(shares)))
        lowest = f", and {worst} in the worst" if len(shares) > 1 else ""
        doubt = f"; in {_of(unclear, len(own))} the gap is not clear of zero" if unclear else ""
        yield (
            f"{approaches()[word].title} recovers {mean} of the gap in {metric} between training on the"
            " source alone and fine-tuning on the target,"
            f" over {counted(len(shares), 'pair')} that have one{lowest}{doubt}."
        )


def _ranks(spec: TableSpec, metric: str, results: Results) -> Iterator[str]:
    found = rankings(spec, results)
    ranking = found.of_metrics[metric] if found else None
    if found is None or ranking is None or math.isnan(ranking.p):
        return
    order = ranking.mean_ranks.argsort(kind="stable")
    told = listed([f"{approaches()[found.words[n]].title} {ranking.mean_ranks[n]:.2f}" for n in order])
    alike = (
        f"Friedman's test finds them different (p {probability(ranking.p)})"
        if ranking.p < ALPHA
        else f"Friedman's test cannot tell them apart (p {probability(ranking.p)})"
    )
    yield f"Mean ranks in {metric} over {counted(len(found.done), 'pair')} (1 is best): {told}. {alike}."


def _printed(spec: TableSpec, metric: str, results: Results) -> Iterator[str]:
    lines = lines_of(spec, (metric,), results)
    values = [d for line in lines if (d := line.values[metric].difference) is not None]
    if not values:
        return
    ends = span(number(min(values), signed=True), number(max(values), signed=True))
    yield (
        f"From the paper's printed {metric} ours differ by {number(fmean(map(abs, values)))} on average over"
        f" {counted(len(values), 'row')} ({ends})."
    )


def _missing(spec: TableSpec, results: Results) -> Iterator[str]:
    # Of a sweep, the points that are not shown lack nothing in the table.
    cells = [choice.cell for choice in choose(results.plan.cells_of(spec.name), results)]
    if n := len(results.lacking(cells)):
        have = "has" if n == 1 else "have"
        yield f"{n} of {counted(len(cells), 'cell')} {have} no value yet; the table says why."


def _of(n: int, total: int) -> str:
    if total == 1:
        return "this one" if n else "no place"
    return "all of them" if n == total else f"{n or 'none'} of {total}"
