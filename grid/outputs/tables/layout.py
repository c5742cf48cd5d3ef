"""Where a table's cells stand, in blocks, groups and rows, and what they are called."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from datasets.corpora.registry import title
from grid.plan import Cell
from grid.specs.table import TableSpec, Variant
from hd2s.approaches.registry import approaches
from hd2s.models.registry import models

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item")


@dataclass(frozen=True)
class Layout:
    """How cells fall into place; blocks, groups and rows keep the order of the plan's cells.

    Attributes:
        block: the heading over a cell's block.
        group: what the first column says of a cell; its rows compete for the best value.
        group_heading: the heading of the first column.
    """

    block: Callable[[Cell], str]
    group: Callable[[Cell], str]
    group_heading: str


def layout_of(spec: TableSpec) -> Layout:
    """Choose the layout by what a table varies, as the papers do."""
    if not spec.targets:
        return Layout(lambda cell: "", lambda cell: shown(cell.test), "Test dataset")
    if spec.tests in ((), ("target",)):
        return Layout(
            block=lambda cell: f"Source dataset: {shown_sources(cell)}",
            group=lambda cell: shown(cell.target or ""),
            group_heading="Target dataset",
        )
    return Layout(
        block=lambda cell: (
            f"Source dataset: {shown_sources(cell)}, target dataset: {shown(cell.target or '')}"
        ),
        group=lambda cell: shown(cell.test),
        group_heading="Test dataset",
    )


def row_key(cell: Cell) -> tuple[Hashable, ...]:
    """Return what the cells of one row share: all but seed, fold and point of the sweep."""
    return cell.sources, cell.target, cell.test, cell.model, cell.approach, cell.variant


def label(cell: Cell, spec: TableSpec) -> str:
    """Name a row: by model, approach and variant, as far as the table has several of them."""
    model, approach, variant = _telling(cell, spec)
    titles = model and models()[model].title, approach and approaches()[approach].title
    return ", ".join(filter(None, (*titles, variant)))


def words(cell: Cell, spec: TableSpec) -> str:
    """Name a row likewise, in the words that commands take."""
    return " ".join(filter(None, _telling(cell, spec)))


def _telling(cell: Cell, spec: TableSpec) -> tuple[str, str, str]:
    """Return a row's model, approach and variant; "" for what does not tell it from others of its table."""
    if not models()[cell.model].trains:
        return cell.model, "", ""
    told = (len(spec.approaches) == 1 and cell.variant) or _variant(cell, spec).tells_approach
    several = sum(models()[word].trains for word in spec.models) > 1
    return cell.model if several else "", "" if told else cell.approach, cell.variant


def distinct_labels(cells: list[Cell], spec: TableSpec) -> list[str]:
    """Name the rows of a group; equal names get their sources, which then are what the rows differ in."""
    return with_sources([label(cell, spec) for cell in cells], cells)


def with_sources(labels: Sequence[str], cells: Sequence[Cell]) -> list[str]:
    """Give equal labels the sources of their cells."""
    return [
        f"{name} ({shown_sources(cell)})" if labels.count(name) > 1 else name
        for name, cell in zip(labels, cells, strict=True)
    ]


def where(cell: Cell, *, tested: bool = True) -> str:
    """Say where a cell stands, without its row; of its training alone, if it is not to be tested."""
    target = f" to {shown(cell.target)}" if cell.target else ""
    test = f" on {shown(cell.test)}" if tested and cell.test != cell.target else ""
    return f"{shown_sources(cell)}{target}{test}"


def place(cell: Cell, spec: TableSpec) -> str:
    """Say which cell it is."""
    seed = f", seed {cell.seed}" if len(spec.seeds) > 1 else ""
    fold = f", fold {cell.fold}" if cell.fold else ""
    return f"{where(cell)}, {label(cell, spec)}{seed}{fold}"


def shown(corpus: str) -> str:
    """Write a corpus' name as the papers do."""
    return title(corpus)


def gather(items: Iterable[Item], key: Callable[[Item], Key]) -> list[tuple[Key, list[Item]]]:
    """Gather items by what `key` says of them, in order of first appearance."""
    gathered: dict[Key, list[Item]] = {}
    for item in items:
        gathered.setdefault(key(item), []).append(item)
    return list(gathered.items())


def _variant(cell: Cell, spec: TableSpec) -> Variant:
    return next((found for found in spec.variants if found.label == cell.variant), Variant())


def shown_sources(cell: Cell) -> str:
    """Return a cell's sources as tables write them."""
    return " + ".join(map(shown, cell.sources))
