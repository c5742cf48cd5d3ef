"""The rows of a table before they are laid out: their cells over seeds and folds, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from grid.outputs.tables.layout import gather, row_key
from grid.outputs.tables.scores import Results
from grid.outputs.tables.selection import Choice, choose, is_apart, oracle_row
from grid.outputs.tables.value import Value
from grid.plan import Cell
from grid.specs.printed import paper_value
from grid.specs.table import TableSpec


@dataclass(frozen=True)
class Line:
    """A row: its choices, one for each seed and fold, and its value in each metric."""

    choices: tuple[Choice, ...]
    values: Mapping[str, Value]

    @property
    def cell(self) -> Cell:
        """One of its cells, for what all have in common."""
        return self.choices[0].cell


def lines_of(spec: TableSpec, metrics: Sequence[str], results: Results) -> list[Line]:
    """Return a table's rows in the order of its plan.

    Raises:
        ProblemError: the table names a paper that is not in `grid/specs/printed_numbers/`.
    """
    choices = choose(results.plan.cells_of(spec.name), results)
    return [
        Line(tuple(seeds), {metric: _value(seeds, metric, spec, results) for metric in metrics})
        for _, seeds in gather(choices, lambda choice: row_key(choice.cell))
    ]


def with_oracles(lines: Sequence[Line], spec: TableSpec) -> list[Line]:
    """Let each row know what the oracle's selection comes to, where another row shows it."""
    by_row = {row_key(line.cell): line.values for line in lines}
    found = [by_row.get(oracle_row(line.cell, spec), {}) for line in lines]
    return [
        replace(
            line, values={m: replace(v, oracle=of[m].mean if of else None) for m, v in line.values.items()}
        )
        for line, of in zip(lines, found, strict=True)
    ]


def _value(choices: Sequence[Choice], metric: str, spec: TableSpec, results: Results) -> Value:
    scored = [c.cell for c in choices if results.value(c.cell, metric) is not None]
    first = {(cell.training, cell.evaluation): cell.repeat for cell in reversed(scored)}
    return Value(
        metric=metric,
        scored=tuple((cell.repeat, scores) for cell in scored if (scores := results.scores(cell))),
        n_wanted=len(choices),
        printed=_printed(choices[0].cell, metric, spec) if spec.paper else None,
        apart=is_apart(choices[0].cell, spec),
        again=frozenset(cell.repeat for cell in scored) - frozenset(first.values()),
    )


def _printed(cell: Cell, metric: str, spec: TableSpec) -> float | None:
    return paper_value(
        spec.paper,
        sources=cell.sources,
        target=cell.target,
        test=cell.test,
        model=cell.model,
        approach=cell.variant or cell.approach,
        metric=metric,
    )
