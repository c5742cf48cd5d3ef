"""A table's sweep in a YAML file → its axes and points, with all that is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from grid.specs.table import SOURCE
from grid.specs.tables.draws import EXPECTED, parse
from grid.specs.tables.early_stopping import KEYS, Asha, SweepSettings, asha_of, faults


class SweepContent(NamedTuple):
    """What a table says of its sweep: settings with values, points and their seed, how some are stopped."""

    axes: Mapping[str, Any] = {}
    points: int = 0
    seed: int = 0
    stop: Asha | None = None

    @property
    def sweep(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Each setting with its values as `TableSpec` has them."""
        return tuple((key, tuple(map(_written, _values(items)))) for key, items in self.axes.items())


_AS_WRITTEN = SweepSettings()


def read_sweep(
    content: Mapping[str, Any], instead: SweepSettings = _AS_WRITTEN, select: Sequence[str] = (SOURCE,)
) -> tuple[SweepContent, list[tuple[str, str]]]:
    """Return a table's sweep, and what is wrong with it: what was expected, and what was found.

    Args:
        content: of the table.
        instead: what the command line says of stopping.
        select: whose validation chooses the weights of its rows.
    """
    sweep, points = content.get("sweep", {}), content.get("points", 0)
    asked = points if isinstance(points, Mapping) else {"of": points}
    n, seed = asked.get("of", 0), asked.get("seed", 0)
    if set(asked) - {"of", "seed"} or not all(type(each) is int and each >= 0 for each in (n, seed)):
        return SweepContent(), [("points: a number from 1 on, or of: NUMBER and seed: NUMBER", repr(points))]
    axes = {str(key): items for key, items in sweep.items()} if isinstance(sweep, Mapping) else {}
    said = {key: axes.pop(key) for key in KEYS if key in axes}
    if not isinstance(sweep, Mapping) or not all(map(_values, axes.values())):
        return SweepContent(), [(f"sweep: settings and a list of values each, or {EXPECTED}", repr(sweep))]
    wrong = [(f"sweep: {key}: {expected}", repr(said[key])) for key, expected in faults(said)]
    stop = None if wrong or not axes else asha_of(said, instead)
    if stop and tuple(select) != (SOURCE,):
        # What is hopeless by the training's own validation may be the best by another.
        wrong.append((f"sweep: stop with select: {SOURCE} alone", ", ".join(select)))
    if said and not axes:
        wrong.append(("sweep: settings and their values, to stop points of", "none"))
    return SweepContent(axes, n, seed, stop), [*_mistakes(axes, n), *wrong]


def _mistakes(axes: Mapping[str, Any], points: int) -> Iterator[tuple[str, str]]:
    for key, items in axes.items():
        if key.startswith("test."):
            yield "sweep: what validation can decide between, and so no settings of tests", repr(key)
        if len({json.dumps(item) for item in _values(items)}) < len(_values(items)):
            yield f"sweep: different values of {key}", repr(items)
    drawn = [key for key, items in axes.items() if parse(items)]
    if drawn and not points:
        yield f"points: how many are drawn of {', '.join(drawn)}", "none"
    if points and not drawn:
        yield f"a sweep of which a setting is drawn, to have points: {EXPECTED}", "values alone"


def _values(items: Any) -> list[Any]:
    """Return the values of a setting, or its distribution alone; nothing of what is neither."""
    if isinstance(items, list):
        return items
    return [items] if parse(items) else []


def _written(item: Any) -> str:
    return item if parse(item) else json.dumps(item)
