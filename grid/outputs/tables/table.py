"""What a table is, whatever it is written as: columns, blocks of groups of rows, and notes, in plain text."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from grid.outputs.external import Places
from grid.outputs.tables.layout import gather
from grid.specs.tables.shown import Tables
from hd2s.metrics.definitions import find_metric
from manifests.problem import agreed, counted

DEMO = "Demo: generated corpora, a small input and few iterations; not comparable with the paper's numbers."
# As many as the papers print.
DIGITS = 3
Mark = Literal["", "best", "second"]


@dataclass(frozen=True)
class Entry:
    """One number as it is read; empty where there is none.

    Attributes:
        text: the number.
        after: what follows it in smaller type, such as its spread over seeds.
        mark: its rank in its group.
        sign: what leads to a footnote.
    """

    text: str
    after: str = ""
    mark: Mark = ""
    sign: str = ""


@dataclass(frozen=True)
class Column:
    """A column of entries.

    Attributes:
        heading: over the column alone.
        over: the heading that it shares with its neighbours, or empty.
    """

    heading: str
    over: str = ""


@dataclass(frozen=True)
class Row:
    """A label and an entry for each column."""

    label: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Group:
    """Rows that belong together; the first of them carries the label."""

    label: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Block:
    """Groups under one heading, or under none."""

    heading: str
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Missing:
    """What has no value, and why.

    Attributes:
        unit: what is counted, in the singular.
        total: how many there are, with and without values.
        reasons: for each reason, the places that it keeps from having all their values.
    """

    unit: str
    total: int
    reasons: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def of(cls, unit: str, total: int, lacking: Iterable[tuple[str, str]]) -> Missing:
        """Gather places by what keeps them from having their values: pairs of reason and place."""
        by_reason = gather(lacking, lambda item: item[0])
        return cls(unit, total, tuple((reason, tuple(place for _, place in of)) for reason, of in by_reason))

    @property
    def count(self) -> str:
        """How many have their values, as a sentence that the reasons follow if there are any."""
        done = self.total - sum(len(places) for _, places in self.reasons)
        have = agreed(self.total, "has all its values", "have all their values")
        return f"{done} of {counted(self.total, self.unit)} {have}{':' if self.reasons else '.'}"


@dataclass(frozen=True)
class Table:
    """All that a table says.

    Attributes:
        name: of its files.
        warning: what must be known before any number is read, or empty.
        labels: the headings of the two columns of labels.
        notes: what a reader of a paper needs beside the numbers.
        working: what whoever works on them needs too.
        in_float: which of these notes its LaTeX float has, one of `grid.specs.settings_checks.NOTES`.
        command: writes the table again.
        records: the same and more, unrounded, one record for each row and metric.
    """

    name: str
    title: str
    caption: str
    warning: str
    labels: tuple[str, str]
    columns: tuple[Column, ...]
    blocks: tuple[Block, ...]
    notes: tuple[str, ...]
    missing: Missing
    command: str
    records: tuple[dict[str, Any], ...]
    working: tuple[str, ...] = ()
    in_float: str = "full"


@dataclass(frozen=True)
class Style:
    """How tables are told.

    Attributes:
        shown: the settings `tables.*`.
        command: compiles the tables again.
        demo: the results are a demo's; the tables say so.
        places: what other commands name; the output folder alone where they are left out.
    """

    shown: Tables
    command: str
    demo: bool = False
    places: Places | None = None

    @property
    def warning(self) -> str:
        """What a demo's tables say before any number."""
        return DEMO if self.demo else ""


def number(value: float, digits: int = DIGITS, *, signed: bool = False) -> str:
    """Write a value; a difference with its sign."""
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def probability(p: float) -> str:
    """Write a p-value."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def defined(value: float) -> float | None:
    """Return what a record has of a value: nothing of NaN."""
    return None if math.isnan(value) else value


def heading(metric: str) -> str:
    """Write a metric's name with the direction in which it is better."""
    return f"{metric} {'↑' if find_metric(metric).larger_is_better else '↓'}"
