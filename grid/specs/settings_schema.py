"""The structure that settings are read into, with the parts that models and approaches bring."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field, fields, make_dataclass
from functools import cache
from typing import Any, get_type_hints

from grid.specs.settings import OF_APPROACHES, Config
from hd2s.approaches.registry import approaches
from hd2s.models.registry import models


@cache
def schema(model: str, words: Iterable[str]) -> type:
    """Make the structure that settings are read into: `Config`, with one model's and all approaches' own."""
    own_model = _fields_of(models()[model].config, leaving_out=OF_APPROACHES)
    model_node = make_dataclass("Model", [*own_model, ("backbone_weights", str, field(default=""))])
    own_approaches = [
        (identifier(word), node, field(default_factory=node))
        for word in words
        if (settings := approaches()[word].settings)
        for node in [make_dataclass(settings.__name__, _fields_of(settings))]
    ]
    approach_node = make_dataclass("Approaches", own_approaches)
    nodes = {"model": model_node, "approach": approach_node}
    hints = get_type_hints(Config)
    rest = []
    for each in fields(Config):
        if each.name in nodes:
            rest.append((each.name, nodes[each.name], field(default_factory=nodes[each.name])))
        elif callable(each.default_factory):
            rest.append((each.name, hints[each.name], field(default_factory=each.default_factory)))
        else:
            rest.append((each.name, hints[each.name], field(default=each.default)))
    return make_dataclass("Settings", rest)


def _fields_of(declared: type, leaving_out: Sequence[str] = ()) -> list[tuple[str, Any, Any]]:
    hints = get_type_hints(declared)
    return [
        (each.name, hints[each.name], field(default=each.default))
        for each in fields(declared)
        if each.name not in leaving_out
    ]


def identifier(word: str) -> str:
    """Return an approach's word as the name of a field, which may not have hyphens."""
    return word.replace("-", "_")
