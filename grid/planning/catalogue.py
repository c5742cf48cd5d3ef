"""The grids that come with the project and how much each asks for, before any corpus is at hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from grid.planning import planner as planning
from grid.planning.rows import Configure
from grid.specs import grid_reader as specs
from grid.specs import plugins
from grid.specs import settings_reader as settings
from grid.specs.settings import DEFAULT_MODEL, Config
from grid.specs.table import GridSpec
from hd2s.models.registry import models as known_models

# Counts depend on which splits are the same, not on what is in them.
_DIGESTS: defaultdict[str, dict[str, str]] = defaultdict(lambda: dict.fromkeys(("train", "val", "test"), ""))


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
    plugins.load(plugins.wanted_plugins(overrides))
    models = settings.wanted_models(overrides)
    among = tuple(known_models())
    seeds = settings.load(overrides, demo=demo, model=(models or (DEFAULT_MODEL,))[0], among=among).seeds

    @cache
    def load(model: str, under: tuple[str, ...], over: tuple[str, ...]) -> Config:
        return settings.configure(overrides, under, over, demo=demo, model=model, among=among)

    def configure(model: str, under: Sequence[str], over: Sequence[str]) -> Config:
        return load(model, tuple(under), tuple(over))

    offers: dict[str, Offer] = {}
    for name in specs.available():
        spec = specs.load(name, specs.Instead(seeds, models))
        offers[name] = _offer(spec, "", configure)
        # A family of families only repeats the tables of others.
        for table in spec.tables if len(specs.files(name)) == 1 else ():
            alone = GridSpec(table.name, (table,))
            offers.setdefault(table.name, _offer(alone, name, configure))
    return list(offers.values())


def _offer(spec: GridSpec, within: str, configure: Configure) -> Offer:
    plan = planning.make(spec, configure, _DIGESTS, {})
    names = [table.name for table in spec.tables]
    title = spec.tables[0].title if names == [spec.name] else ", ".join(names)
    counts = len(plan.cells), len(plan.evaluations), len(plan.trainings)
    return Offer(spec.name, within, title, *counts)
