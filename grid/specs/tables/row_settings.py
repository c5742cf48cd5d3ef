"""Settings of rows in a table's YAML file → a dot-list, with all that is wrong with where they stand."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from grid.specs.dotted_keys import flatten
from hd2s.models.registry import models

FINETUNING = "finetuning"
"""The key of a table whose settings are those of its trainings that have a parent."""
# Whose settings rows may differ in.
_SECTIONS = ("model", "train", "test", "approach")
# Where the weights to start from are, and how the run is spread and saved.
_SHARED_BY_ALL_ROWS = ("model.backbone_weights", "train.world_size", "train.checkpoint_every")


def read_settings(where: str, content: Any) -> tuple[tuple[str, ...], list[tuple[str, str]]]:
    """Return settings as a dot-list, and what is wrong with them: what was expected, and what was found.

    Whether they exist and fit is the configuration's to say.

    Args:
        where: they stand, as a key of the table or in words.
        content: setting or section → value; of a sweep a list of them.
    """
    if not isinstance(content, Mapping):
        return (), [(f"{where}: settings and their values", repr(content))]
    found: list[str] = []
    wrong: list[tuple[str, str]] = []
    for key, item in content.items():
        mistakes = [*_mistakes(where, str(key), item)]
        wrong += [(f"{where}: {expected}", told) for expected, told in mistakes]
        # Each alone: `model={…}` would say which models there are.
        each = {} if mistakes else flatten({str(key): item})
        found += [f"{name}={json.dumps(value)}" for name, value in each.items()]
    return tuple(found), wrong


def _mistakes(where: str, key: str, item: Any) -> Iterator[tuple[str, str]]:
    if key.partition(".")[0] not in _SECTIONS:
        yield f"settings of {', '.join(_SECTIONS)}", repr(key)
    if key == "model" and isinstance(item, list):
        yield "single settings of models, such as model.height: [64, 96]", key
    for name in single(key, item):
        if name in _SHARED_BY_ALL_ROWS:
            yield f"what may differ between rows; give {name} on the command line", key
        elif where == FINETUNING and name == "train.iterations":
            yield "train.finetune_iterations, which fine-tuning has in its place", key
        elif where == FINETUNING and name.startswith("test."):
            yield "settings of trainings; a test's are those of all its row", key


def single(key: str, item: Any) -> dict[str, None]:
    """Return each single setting that a value sets, alone or with its section, for all models or for one."""
    values = item if isinstance(item, list) else [item]
    return dict.fromkeys(of_any(name) for each in values for name in flatten({key: each}))


def meet(one: str, other: str) -> bool:
    """Whether two keys set the same: `model.height` and `model.hd2s.height` do, two models' never."""
    return one == other or (of_any(one) == of_any(other) and of_any(one) in (one, other))


def of_any(name: str) -> str:
    """Return a setting as it is called where its model is not said."""
    section, _, rest = name.partition(".")
    owner, _, own = rest.partition(".")
    return f"{section}.{own}" if section == "model" and own and owner in models() else name
