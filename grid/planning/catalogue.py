"""The grids that come with the project and how much each asks for, before any corpus is at hand."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache

from datasets.remote import local_folder
from grid.plan import Plan
from grid.planning import planner as planning
from grid.results.provenance import source_version
from grid.specs import grid_reader as specs
from grid.specs import plugins
from grid.specs import settings_reader as settings
from grid.specs.settings import DEFAULT_MODEL, Config
from grid.specs.table import GridSpec
from hd2s.files import atomic_write
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

    One that the models asked for cannot take, as it is written, is left out, as is one that cannot have the
    selection asked for. Planning all takes seconds: what they ask for without settings is kept on this
    machine, for as long as the code stays as it is.

    Raises:
        ProblemError: listing everything that is wrong with the settings.
    """
    if overrides:
        return _planned(overrides, demo=demo)
    code = f"{source_version()} {sorted(known_models())}"
    kept = local_folder() / "grids" / ("demo.json" if demo else "paper.json")
    try:
        found = json.loads(kept.read_text(encoding="utf-8"))
        if found["code"] == code:
            return [Offer(**offer) for offer in found["offers"]]
    except (OSError, ValueError, TypeError, KeyError):
        pass  # none, or a damaged one
    offers = _planned(overrides, demo=demo)
    # A home that cannot be written to is no reason not to show them.
    with suppress(OSError), atomic_write(kept) as partial:
        partial.write_text(json.dumps({"code": code, "offers": [*map(asdict, offers)]}), encoding="utf-8")
    return offers


def _planned(overrides: list[str], *, demo: bool) -> list[Offer]:
    plugins.load(plugins.wanted_plugins(overrides))
    models = settings.wanted_models(overrides)
    asked, among = models or (DEFAULT_MODEL,), tuple(known_models())
    given = [settings.load(overrides, demo=demo, model=word, among=among) for word in asked]

    @cache
    def load(
        among: tuple[str, ...], model: str, layers: tuple[tuple[str, ...], ...], approach: str
    ) -> Config:
        under, over = layers
        return settings.configure(
            overrides, under, over, demo=demo, model=model, among=among, approach=approach
        )

    def draft(spec: GridSpec) -> Plan | None:
        def configure(model: str, under: Sequence[str], over: Sequence[str], approach: str = "") -> Config:
            return load(spec.models(), model, (tuple(under), tuple(over)), approach)

        plan, problems = planning.draft(spec, configure, _DIGESTS, {})
        return None if problems else plan

    first = given[0]
    instead = specs.Instead(first.seeds, models, settings.selection(first), first.sweep)
    offers: dict[str, Offer] = {}
    for name in specs.available():
        spec, problems = specs.read(name, instead)
        if problems:
            continue
        # A family of families only repeats the tables of others.
        tables = spec.tables if len(specs.files(name)) == 1 else ()
        parts = [(spec, ""), *((GridSpec(table.name, (table,)), name) for table in tables)]
        for part, within in parts:
            if part.name not in offers and (plan := draft(part)):
                offers[part.name] = _offer(plan, within)
    return list(offers.values())


def _offer(plan: Plan, within: str) -> Offer:
    titles = {table.name: table.title for table in plan.tables}
    titles |= {table.name: table.title for table in plan.costs}
    title = titles[plan.grid] if [*titles] == [plan.grid] else ", ".join(titles)
    counts = len(plan.all_cells), len(plan.evaluations), len(plan.trainings)
    return Offer(plan.grid, within, title, *counts)
