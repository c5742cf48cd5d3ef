"""Which columns a table shows, and what of it comes first, where a user wants it otherwise than its file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from grid.plan import Cell
from grid.specs.table import TableSpec
from grid.specs.tables.shown import Tables
from hd2s.metrics.definitions import known_metrics

Item = TypeVar("Item")


def arranged(spec: TableSpec, shown: Tables) -> TableSpec:
    """Return a table with the columns that are wanted in place of its own."""
    return replace(spec, metrics=shown.columns) if shown.columns else spec


def recorded(spec: TableSpec, shown: Tables) -> tuple[str, ...]:
    """Name the metrics of a table's records: its own, whatever is shown of them, and what is shown beside."""
    return tuple(dict.fromkeys((*spec.metrics, *(shown.columns or ()))))


def in_order(items: Iterable[Item], cell_of: Callable[[Item], Cell], order: Sequence[str]) -> list[Item]:
    """Move to the front what the order names; what it does not name keeps its place behind that."""
    rank = {word: i for i, word in enumerate(order)}

    def of(words: Iterable[str | None]) -> int:
        return min((rank.get(word or "", len(order)) for word in words), default=len(order))

    def key(item: Item) -> tuple[int, ...]:
        cell = cell_of(item)
        kinds = (cell.sources, (cell.target,), (cell.test,), (cell.approach,), (cell.variant,), (cell.model,))
        return tuple(map(of, kinds))

    return sorted(items, key=key)


def ranking(shown: Tables) -> str:
    """Name the metric by which rows stand from the best to the worst; empty where they keep an order."""
    return next((word for word in shown.order if word in known_metrics()), "")
