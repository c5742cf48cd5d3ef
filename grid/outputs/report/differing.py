"""Settings that are not the paper's: what the trainings and tests were really made with, beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, replace
from functools import cache
from typing import Any

from grid.outputs.report.markup import bullets, paragraph, plain_table
from grid.outputs.report.wording import listed
from grid.outputs.tables.below.departures import departure_notes
from grid.outputs.tables.layout import gather
from grid.plan import Evaluation, Plan, Training
from grid.planning.prepare import Grid
from grid.planning.rows import evaluation_settings, training_settings
from grid.specs import settings_reader
from grid.specs.settings import Config
from hd2s.models.config import ModelConfig
from hd2s.models.registry import models
from manifests.problem import counted

# Of no consequence to a number; or where the value says nothing without the others.
_LEFT_OUT = ("train.checkpoint_every", "train.world_size")
_OF_EPOCHS = ("epochs", "iterations", "lr_period", "validate_every")
Values = dict[str, Any]


def differing(grid: Grid) -> str:
    """Write which settings differ from the paper's and where, and what is done otherwise by default."""
    plan = grid.plan
    rows = [
        (setting, _shown(here), _shown(paper), counted(len(units), kind), _set_by(setting, grid))
        for kind, found in (("training", _of_trainings(plan)), ("test", _of_evaluations(plan)))
        for (setting, here, paper), units in found
        if setting not in _of_printed(plan)
    ]
    headings = ("Setting", "Here", "Paper's", "Where", "Set by")
    table = plain_table("Settings that differ from the paper's", headings, rows)
    # The first table's notes are the grid's.
    notes = [text.partition(": ")[2] for text in departure_notes(plan.tables[0], plan)] if plan.tables else []
    told = paragraph("By default otherwise than in the papers, or where they are silent:") + bullets(notes)
    return (table or paragraph("Every setting is the paper's.")) + (told if notes else "")


def _of_printed(plan: Plan) -> set[str]:
    """Name what the tables of a paper set for all their cells, as it does; nothing where one is a user's."""
    if not all(table.paper for table in plan.tables):
        return set()
    return {override.partition("=")[0] for table in plan.tables for override in table.overrides}


def _of_trainings(plan: Plan) -> list[tuple[tuple[str, Any, Any], list[Training]]]:
    """Gather the trainings that differ in a setting by it, its value there and the paper's."""
    trained = [unit for unit in plan.trainings.values() if unit.spec.model.declaration.trains]
    return [
        (key, [unit for unit, _ in of])
        for key, of in gather(
            ((unit, key) for unit in trained for key in _differences(_made(unit), _of_paper(unit))),
            lambda item: item[1],
        )
    ]


def _of_evaluations(plan: Plan) -> list[tuple[tuple[str, Any, Any], list[Evaluation]]]:
    found = []
    for unit in plan.evaluations.values():
        training = plan.trainings[unit.training]
        test = _paper(training.model, training.approach).test
        paper = asdict(evaluation_settings(test, training.spec))
        here = asdict(unit.spec.protocol)
        found += [(unit, key) for key in _differences(_named("test", here), _named("test", paper))]
    return [(key, [unit for unit, _ in of]) for key, of in gather(found, lambda item: item[1])]


def _made(unit: Training) -> Values:
    options = {
        each.name: getattr(unit.spec.model.config, each.name) for each in fields(unit.spec.model.config)
    }
    own = asdict(unit.spec.approach.settings) if unit.spec.approach.settings else {}
    return (
        _named("model", options)
        | _named("train", asdict(unit.spec.train))
        | _named(f"approach.{unit.approach}", own)
        | ({} if unit.parent else {"model.backbone_weights": "given" if unit.spec.model.weights else "none"})
    )


def _of_paper(unit: Training) -> Values:
    """Return the same of a training as its model's paper has it; of one with a parent, of fine-tuning."""
    config, approach = _paper(unit.model, unit.approach), unit.spec.approach.declaration
    own = config.approach.get(unit.approach)
    train = training_settings(
        config.train, fresh=not unit.parent, approach=approach, aligns=bool(unit.spec.unlabelled), own=own
    )
    if train.epochs is not None:
        # As many iterations as the sources' clips make, which no paper says of these corpora.
        train = replace(train, **{name: getattr(unit.spec.train, name) for name in _OF_EPOCHS})
    # What an approach gives its model, such as the domains, is no setting.
    given = replace(config.model.config, **approach.options(unit.sources))
    options = _options(given.trained_on((*unit.sources, *(each.corpus for each in unit.spec.labelled))))
    starts = {"model.backbone_weights": "given"} if models()[unit.model].layouts and not unit.parent else {}
    return (
        _named("model", options)
        | _named("train", asdict(train))
        | _named(f"approach.{unit.approach}", asdict(own) if own else {})
        | starts
    )


def _options(config: ModelConfig) -> Values:
    return {each.name: getattr(config, each.name) for each in fields(config)}


@cache
def _paper(model: str, approach: str) -> Config:
    return settings_reader.load([], demo=False, model=model, approach=approach)


def _named(section: str, values: Mapping[str, Any]) -> Values:
    return {f"{section}.{name}": value for name, value in values.items()}


def _differences(here: Values, paper: Values) -> Iterator[tuple[str, Any, Any]]:
    for name, value in here.items():
        if name in paper and name not in _LEFT_OUT and _plain(value) != _plain(paper[name]):
            yield name, _plain(value), _plain(paper[name])


def _plain(value: Any) -> Any:
    return tuple(map(_plain, value)) if isinstance(value, list | tuple) else value


def _set_by(setting: str, grid: Grid) -> str:
    """Say who asked for a setting: the user goes before a table, a row before both."""
    name = setting.replace("train.iterations", "train.finetune_iterations")
    by = {
        "you": grid.overrides,
        "a row of the table": [o for table in grid.plan.tables for v in table.variants for o in v.overrides],
        "the sweep": [f"{key}=" for table in grid.plan.tables for key, _ in table.sweep],
        "the table": [o for table in grid.plan.tables for o in table.overrides],
    }
    found = [who for who, given in by.items() if {setting, name} & {o.partition("=")[0] for o in given}]
    return listed(found) or ("the demo" if grid.demo else "a protocol")


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return listed([*map(str, value)]) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
