"""The grids that come with the project and how much each asks for, before any corpus is at hand."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial

from grid.planning import planner as planning
from grid.planning.planner import Configure
from grid.specs import grid_reader as specs
from grid.specs import settings
from grid.specs.table import GridSpec

# Counts depend on which splits are the same, not on what is in them.
_DIGESTS = defaultdict(lambda: dict.fromkeys(("train", "val", "test"), ""))


@dataclass(frozen=True)
class Offer:
    """A grid, or a table of one that has no file of its own, and its counts.

    Attributes:
        within: the grid that alone has this table; empty for what can be asked for by name.
        title: the table's; of a family the names of its tables.
        evaluations: different ones, as with trainings: tables share what they have in common.
    """

    name: str
    within: str
    title: str
    cells: int
    evaluations: int
    trainings: int


def catalogue(overrides: list[str], *, demo: bool) -> list[Offer]:
    """List every grid of `grid/specs/grids/`, planned with the user's settings.

    Raises:
        ProblemError: listing everything that is wrong with the settings.
    """
    seeds = settings.load(overrides, demo=demo).seeds
    configure = partial(settings.configure, overrides, demo=demo)
    offers: dict[str, Offer] = {}
    for name in specs.available():
        spec = specs.load(name, seeds)
        offers[name] = _offer(spec, "", configure)
        # A family of families only repeats the tables of others.
        for table in spec.tables if len(specs.files(name)) == 1 else ():
            alone = GridSpec(table.name, (table,))
            offers.setdefault(table.name, _offer(alone, name, configure))
    return list(offers.values())


def _offer(spec: GridSpec, within: str, configure: Configure) -> Offer:
    plan = planning.make(spec, configure, _DIGESTS, None)
    names = [table.name for table in spec.tables]
    title = spec.tables[0].title if names == [spec.name] else ", ".join(names)
    counts = len(plan.cells), len(plan.evaluations), len(plan.trainings)
    return Offer(spec.name, within, title, *counts)
