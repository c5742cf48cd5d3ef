"""What units and cells are called, by people and in the tracker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from grid.plan import Cell, Evaluation, Plan, Training, TrainingSpec
from grid.planning.rows import Row
from grid.specs.table import GridSpec, Place
from manifests.folds import Fold


def named(cell: Cell) -> Cell:
    """Return a cell with its id: its table, where it stands, and its row."""
    domains = "+".join(cell.sources) + (f"-{cell.target}" if cell.target else "")
    where = domains if cell.test == (cell.target or domains) else f"{domains}-on-{cell.test}"
    row = [cell.model, cell.approach, *filter(None, [cell.variant]), *cell.point, f"seed{cell.seed}"]
    row += [f"fold{cell.fold}"] if cell.fold else []
    return replace(cell, id="/".join([cell.table, where, *row]))


def on_what(unit: Evaluation) -> str:
    """Say on what a model is tested, and what chose its weights if it was not its own validation."""
    fold, chosen = unit.spec.test.fold, unit.spec.selection
    told = [unit.test, *([str(fold)] if fold else []), *([chosen.words] if chosen else [])]
    return ", ".join(told)


def folds_of(spec: TrainingSpec) -> list[Fold]:
    """Return the fold in which a training reads its corpora, if it does: they are gone through together."""
    return [each.fold for each in (*spec.labelled, *spec.unlabelled) if isinstance(each.fold, Fold)][:1]


def in_places(cells: Sequence[Cell], spec: GridSpec) -> list[Cell]:
    """Order the cells of a table's variant by their places, with those of one place side by side."""
    variants = [(table.name, variant.label) for table in spec.tables for variant in table.variants]
    by_variant: dict[tuple[str, str], dict[Place, list[Cell]]] = {variant: {} for variant in variants}
    for cell in cells:
        places = by_variant[cell.table, cell.variant]
        places.setdefault(Place(cell.sources, cell.target, cell.test), []).append(cell)
    return [cell for places in by_variant.values() for found in places.values() for cell in found]


# Of an id, where nothing else tells two units apart.
_TOLD = 6


class Labels:
    """The labels of a plan's units, once all that shares a training is known."""

    def __init__(self) -> None:
        self._distinctions: dict[str, tuple[Any, tuple[str, ...]]] = {}

    def distinguish(self, training: str, row: Row) -> None:
        """Tell a training by what all points of the row that asked for it first have in common."""
        first, words = self._distinctions.setdefault(training, (row.key, row.distinction))
        if first == row.key:
            common = tuple(word for word in words if word in row.distinction)
            self._distinctions[training] = first, common

    def of(self, plan: Plan) -> Plan:
        """Return a plan with the names that people read."""
        several = len({unit.model for unit in plan.trainings.values()}) > 1
        labels = {unit.id: self._label(unit, several=several) for unit in plan.trainings.values()}
        shared = Counter(labels.values())
        trainings = {
            # Tables may differ in the settings of all their rows.
            unit.id: replace(unit, label=told if shared[told] == 1 else f"{told} [{unit.id[-_TOLD:]}]")
            for unit in plan.trainings.values()
            for told in [labels[unit.id]]
        }
        evaluations = {
            unit.id: replace(unit, label=f"{trainings[unit.training].label} on {on_what(unit)}")
            for unit in plan.evaluations.values()
        }
        return replace(plan, trainings=trainings, evaluations=evaluations)

    def _label(self, unit: Training, *, several: bool) -> str:
        _, distinction = self._distinctions[unit.id]
        details = [*distinction, *([f"seed {unit.seed}"] if unit.seed else [])]
        details += [str(fold) for fold in folds_of(unit.spec)]
        arrow = f" → {unit.target}" if unit.target else ""
        told = f" ({', '.join(details)})" if details else ""
        model = f"{unit.model} " if several else ""
        return f"{model}{unit.approach} {' + '.join(unit.sources)}{arrow}{told}"
