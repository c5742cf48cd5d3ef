"""What a user asks for on the command line and rows of a table set otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from omegaconf import OmegaConf

from grid.specs.dotted_keys import flatten
from grid.specs.plain_yaml import dotted
from grid.specs.table import GridSpec, TableSpec


def overruled(spec: GridSpec, overrides: Sequence[str]) -> list[str]:
    """Say which settings of the user which rows do not have, and what they have instead.

    Args:
        spec: the grid; what a variant or a point of a sweep sets stands over the command line.
        overrides: the user's, which are sound.
    """
    # `model=` says which models, and has no place beside the settings of one.
    wanted = _leaves(item for item in overrides if item.partition("=")[0] != "model")
    return [
        f"{key}={value} is overruled in {table.name}: {'; '.join(rows)}."
        for table in spec.tables
        for key, value in wanted.items()
        if (rows := _rows(table, key, value))
    ]


def contradictions(overrides: Sequence[str]) -> list[str]:
    """Say which settings a command line gives twice with different values, and which of them counts."""
    values: dict[str, Any] = {}
    notes = []
    for override in overrides:
        for key, value in _leaves([override]).items():
            if values.get(key, value) != value:
                notes.append(f"{key} is given twice: {values[key]}, and then {value}, which counts.")
            values[key] = value
    return notes


def before_protocols(
    model: str, stood_for: Mapping[str, Mapping[str, Any]], overrides: Sequence[str]
) -> list[str]:
    """Say which settings of the user go before what the protocol asked for stands for.

    Args:
        model: its word.
        stood_for: approach, or "" for all -> setting -> value (`grid.specs.settings_reader`).
        overrides: the user's, which are sound.
    """
    asked = _leaves(item for item in overrides if item.partition("=")[0] != "model")
    own = {key.replace(f"model.{model}.", "model.", 1): value for key, value in asked.items()}
    told: dict[str, list[str]] = {}
    for approach, settings in stood_for.items():
        for key, value in settings.items():
            known = approach and stood_for[""].get(key) == value
            if key in own and own[key] != value and not known:
                told.setdefault(key, []).append(f"{value}{f' in {approach}' if approach else ''}")
    return [
        f"{key}={own[key]} goes before what {key.partition('.')[0].replace('model', 'train')}.protocol stands"
        f" for with {model}: {', '.join(values)}."
        for key, values in told.items()
    ]


def _rows(table: TableSpec, key: str, value: Any) -> list[str]:
    """List the rows in which a setting has another value than the user's."""
    rows = []
    for variant in table.variants:
        found = _leaves(variant.overrides)
        if found.get(key, value) != value:
            rows.append(f"row {variant.label!r} sets {found[key]}")
    tried = [_leaves([f"{axis}={item}"]) for axis, items in table.sweep for item in items]
    if values := [found[key] for found in tried if found.get(key, value) != value]:
        rows.append(f"its sweep tries {', '.join(map(str, values))}")
    return rows


def _leaves(overrides: Iterable[str]) -> dict[str, Any]:
    """Return each single setting of a dot-list, whether it was given alone or with its section."""
    settings: Any = OmegaConf.to_container(OmegaConf.merge(*map(dotted, overrides), {}))
    return flatten(settings)
