"""The table of mean ranks: how approaches stand over all pairs of a table, and what may be told apart."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from grid.outputs.statistics.ranks import ALPHA, Ranking, rank
from grid.outputs.tables.arrangement import arranged, recorded
from grid.outputs.tables.comparing.places import Standing, ranked
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
    probability,
)
from grid.specs.table import TableSpec
from hd2s.approaches.registry import approaches
from hd2s.metrics.definitions import find_metric
from manifests.problem import counted

# Below which neither Friedman's test nor a critical difference is defined.
_APPROACHES, _PLACES = 3, 2


class Rankings(NamedTuple):
    """The approaches of a table ranked over its pairs.

    Attributes:
        words: the approaches.
        places: the pairs in which all of them stand.
        done: those in which all have values, over the same test clips and frames.
        of_metrics: metric → ranking; None while no pair is done.
    """

    words: tuple[str, ...]
    places: list[Standing]
    done: list[Standing]
    of_metrics: dict[str, Ranking | None]


def rankings(spec: TableSpec, results: Results) -> Rankings | None:
    """Rank the approaches of a table; None unless three of them stand side by side in two places."""
    words = tuple(word for word in spec.approaches if approaches()[word].trains)
    places = [standing for standing in ranked(spec, results) if set(words) <= set(standing.cells)]
    if len(words) < _APPROACHES or len(places) < _PLACES:
        return None
    done = [place for place in places if not _why_not(place, words, spec.metrics, results)]
    return Rankings(words, places, done, {m: _rank(words, done, m, results) for m in spec.metrics})


def build(own: TableSpec, results: Results, style: Style) -> Table | None:
    """Lay out a table's mean ranks; None where `rankings` has none."""
    spec = arranged(own, style.shown)
    found, of_own = rankings(spec, results), rankings(own, results)
    if found is None or of_own is None:
        return None
    return Table(
        name=f"{spec.name}-ranks",
        title=f"{spec.title}: mean ranks",
        caption="",
        warning=style.warning,
        labels=("", "Approach"),
        columns=tuple(Column(heading(metric)) for metric in spec.metrics),
        blocks=(Block("", (Group("", _rows(found.words, found.of_metrics)),)),),
        in_float=style.shown.notes,
        notes=_notes(found.of_metrics, len(found.done), len(found.words)),
        missing=_missing(found, spec, results),
        command=style.command,
        records=tuple(_records(own.name, recorded(own, style.shown), (found, of_own))),
    )


def _why_not(place: Standing, words: tuple[str, ...], metrics: tuple[str, ...], results: Results) -> str:
    """Say why approaches cannot be ranked in a place; empty where they can."""
    unlike = [metric for metric in metrics if place.unlike(words, metric, results)]
    return place.lacking(words, metrics, results) or (
        f"not ranked, since values are over unlike test clips or frames in {', '.join(unlike)}"
        if unlike
        else ""
    )


def _rank(words: tuple[str, ...], done: list[Standing], metric: str, results: Results) -> Ranking | None:
    values = [[place.mean(word, metric, results) for word in words] for place in done]
    if not values:
        return None
    return rank(np.array(values, dtype=float), larger_is_better=find_metric(metric).larger_is_better)


def _rows(words: tuple[str, ...], found: dict[str, Ranking | None]) -> tuple[Row, ...]:
    return tuple(
        Row(approaches()[word].title, tuple(_entry(ranking, n) for ranking in found.values()))
        for n, word in enumerate(words)
    )


def _entry(ranking: Ranking | None, n: int) -> Entry:
    if ranking is None:
        return Entry("")
    best = ranking.mean_ranks[n] == ranking.mean_ranks.min()
    return Entry(f"{ranking.mean_ranks[n]:.2f}", mark="best" if best else "")


def _notes(found: dict[str, Ranking | None], n_places: int, n_words: int) -> tuple[str, ...]:
    told = [
        f"Mean rank of the {n_words} approaches over the {counted(n_places, 'pair')} in which all have values"
        " over the same test clips and frames; 1 is best."
    ]
    tested = {m: ranking for m, ranking in found.items() if ranking and not math.isnan(ranking.p)}
    if tested:
        critical = next(iter(tested.values())).critical_difference
        p = ", ".join(f"{metric} {probability(ranking.p)}" for metric, ranking in tested.items())
        told += [
            f"p of Friedman's test that all are alike: {p}.",
            f"Critical difference: {critical:.2f}; two approaches whose mean ranks lie nearer cannot be told"
            f" apart at {ALPHA:.0%} (Nemenyi). Pairs that share a corpus are no independent data sets:"
            " a guide rather than a test.",
        ]
    return tuple(told)


def _missing(found: Rankings, spec: TableSpec, results: Results) -> Missing:
    several = len({place.first.model for place in found.places}) > 1
    reasons = [
        (reason, place.title(several_models=several))
        for place in found.places
        if (reason := _why_not(place, found.words, spec.metrics, results))
    ]
    return Missing.of("pair", len(found.places), reasons)


def _records(
    table: str, metrics: tuple[str, ...], found: tuple[Rankings, Rankings]
) -> Iterator[dict[str, Any]]:
    """Yield each approach's rank by each metric: by the table's own over the pairs that have all of these."""
    of_metrics = {
        metric: (len(each.done), ranking) for each in found for metric, ranking in each.of_metrics.items()
    }
    for n, word in enumerate(found[0].words):
        for metric in metrics:
            n_places, ranking = of_metrics[metric]
            yield {
                "table": table,
                "approach": word,
                "metric": metric,
                "n_places": n_places,
                "mean_rank": None if ranking is None else float(ranking.mean_ranks[n]),
                "critical_difference": None if ranking is None else defined(ranking.critical_difference),
                "p": None if ranking is None else defined(ranking.p),
            }
