"""What units and cells are called, by people and in the tracker."""

from __future__ import annotations

from dataclasses import replace

from grid.plan import Cell, Evaluation, TrainingSpec
from manifests.folds import Fold


def named(cell: Cell) -> Cell:
    """Return a cell with its id: its table, where it stands, and its row."""
    domains = "+".join(cell.sources) + (f"-{cell.target}" if cell.target else "")
    where = domains if cell.test == (cell.target or domains) else f"{domains}-on-{cell.test}"
    row = [cell.model, cell.approach, *filter(None, [cell.variant]), *cell.point, f"seed{cell.seed}"]
    row += [f"fold{cell.fold}"] if cell.fold else []
    return replace(cell, id="/".join([cell.table, where, *row]))


def on_what(unit: Evaluation) -> str:
    """Say on what a model is tested."""
    fold = unit.spec.test.fold
    return f"{unit.test}, {fold}" if fold else unit.test


def folds_of(spec: TrainingSpec) -> list[Fold]:
    """Return the fold in which a training reads its corpora, if it does: they are gone through together."""
    return [each.fold for each in (*spec.labelled, *spec.unlabelled) if each.fold][:1]
