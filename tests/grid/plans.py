"""Plans of grids whose corpora are nothing but digests."""

from functools import cache

from grid.plan import Plan
from grid.planning import planner
from grid.planning.rows import Configure
from grid.specs import grid_reader, settings_reader
from grid.specs.settings import DEFAULT_MODEL

CORPORA = ("DHF1K", "UCFSports", "Hollywood2", "LEDOV")
PHOTOGRAPHS = ("SALICON", "MIT1003", "MIT300")
DIGESTS = {
    name: {split: f"{name}'s {split}" for split in ("train", "val", "test", "unlisted")}
    for name in (*CORPORA, *PHOTOGRAPHS)
}
FROM_SCRATCH = "model.backbone_weights=none"


def configuring(overrides, *, demo=False, among=()) -> Configure:
    """What gives a planner the settings of rows, under and over a user's."""

    @cache
    def load(model, under, over, approach):
        return settings_reader.configure(
            overrides, under, over, demo=demo, model=model, among=among, approach=approach
        )

    return lambda model, under, over, approach="": load(model, tuple(under), tuple(over), approach)


def plan_of(name, *overrides, demo=False, digests=DIGESTS, weights=None) -> Plan:
    """Plan a grid as the command does, from scratch unless told with which weights its models start."""
    overrides = [FROM_SCRATCH, *overrides]
    models = settings_reader.wanted_models(overrides)
    first = (models or (DEFAULT_MODEL,))[0]
    config = settings_reader.load(overrides, demo=demo, model=first)
    instead = grid_reader.Instead(config.seeds, models, settings_reader.selection(config))
    spec = grid_reader.load(str(name), instead)
    configure = configuring(overrides, demo=demo, among=spec.models())
    return planner.make(spec, configure, digests, weights or {})


def of_approach(plan, word):
    """The plan's trainings of one approach."""
    return [training for training in plan.trainings.values() if training.approach == word]
