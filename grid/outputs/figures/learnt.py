"""What a table's models have learnt that says something by itself, read off their checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from grid.outputs.figures.contract import Subject
from grid.outputs.figures.trained import open_model, trained
from grid.outputs.tables.layout import gather
from grid.outputs.tables.selection import choose
from grid.plan import Cell
from hd2s.models.learnt import Learnt


class Read(NamedTuple):
    """What a cell's model has learnt for the domain that the cell is tested as, None of one without."""

    cell: Cell
    domain: str | None
    learnt: Learnt


def read_learnt(subject: Subject) -> Iterator[Read]:
    """Yield what each training of a table has learnt, by test; of those whose weights are there."""
    spec, results = subject.spec, subject.results
    chosen = [choice.cell for choice in choose(results.plan.cells_of(spec.name), results)]
    for _, cells in gather(chosen, lambda cell: cell.training):
        if trained(subject, cells[0]):
            model = open_model(subject, cells[0])
            for cell in cells:
                domain = model.config.domain_of(cell.test)
                yield Read(cell, domain, model.learnt(domain))
