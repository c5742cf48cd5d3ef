"""What a grid's numbers depart in from the papers of its models: said once, by its first table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from grid.plan import Plan
from grid.specs.table import TableSpec
from hd2s.models.registry import models


def departure_notes(spec: TableSpec, plan: Plan) -> list[str]:
    """List what the models of a grid do by default otherwise than their papers, if this is its first table.

    Only what holds of some cell is told: nothing of gradient reversal where no model has any.
    """
    if spec.name != plan.tables[0].name:
        return []
    made = [(model, values) for model, values in _made(plan)]
    words = [word for word in dict.fromkeys(model for model, _ in made) if models()[word].trains]
    told: dict[str, list[str]] = {}
    for word in words:
        for departure in models()[word].departures:
            if any(departure.holds(values) for model, values in made if model == word):
                told.setdefault(departure.told, []).append(models()[word].title)
    return [
        f"Otherwise than in the paper{_whose(titles, len(words))}: {text}" for text, titles in told.items()
    ]


def _made(plan: Plan) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the model of each cell, with the values that made it; of withheld tests there are none."""
    printed = {table.name: bool(table.paper) for table in plan.tables}
    for cell in plan.all_cells:
        spec = plan.trainings[cell.training].spec
        made = {"train": asdict(spec.train), "model": asdict(spec.model.config)}
        settings = {f"{word}.{key}": value for word, of in made.items() for key, value in of.items()}
        if tested := plan.evaluations.get(cell.evaluation):
            settings |= {f"test.{key}": value for key, value in asdict(tested.spec.protocol).items()}
        yield cell.model, settings | {"approach": cell.approach, "printed": printed[cell.table]}


def _whose(titles: list[str], n_models: int) -> str:
    """Name the models, where there are others that do not do so."""
    return f" of {' and '.join(titles)}" if n_models > 1 else ""
