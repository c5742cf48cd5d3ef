"""The structure that settings are read into, with the parts that models and approaches bring, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, fields, make_dataclass
from functools import cache
from typing import Any, get_type_hints

from omegaconf import OmegaConf

from grid.specs.settings import OF_APPROACHES, Config, ModelSettings
from hd2s.approaches.registry import approaches
from hd2s.models.config import ConfigError
from hd2s.models.registry import models
from manifests.problem import Problem, suggest


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


def as_config(settings: Any, model: str) -> tuple[Config, list[Problem]]:
    """Return what was read as `Config`, and what is wrong with a model's and the approaches' own."""
    found: Any = OmegaConf.to_object(settings)
    options = dict(vars(found.model))
    weights = options.pop("backbone_weights")
    problems: list[Problem] = []
    _made(models()[model].config, options, "model", problems)
    sound = {} if problems else options
    own = {
        word: _made(
            approach.settings, vars(getattr(found.approach, identifier(word))), f"approach.{word}", problems
        )
        for word, approach in approaches().items()
        if approach.settings
    }
    rest = {each.name: getattr(found, each.name) for each in fields(Config)}
    return Config(**rest | {"model": ModelSettings(model, sound, weights), "approach": own}), problems


def _made(kind: type, options: Mapping[str, Any], where: str, problems: list[Problem]) -> Any:
    """Make a dataclass of settings, or its default one after adding what is wrong with these."""
    try:
        return kind(**options)
    except ConfigError as error:
        problems += [
            Problem(f"{where}.{name}", expected, str(options.get(name)), "Correct it.")
            for name, expected in error.faults
        ] or [Problem(where, "values that it can work with", str(error), "Correct them.")]
    except ValueError as error:
        problems.append(Problem(where, "values that it can work with", str(error), "Correct them."))
    return kind()


def identifier(word: str) -> str:
    """Return an approach's word as the name of a field, which may not have hyphens."""
    return word.replace("-", "_")


def with_identifier(override: str) -> str:
    """Return an override with an approach named as its field: a word may have hyphens."""
    section, dot, rest = override.partition(".")
    if section != "approach" or not dot:
        return override
    key, equals, value = rest.partition("=")
    word, dot, name = key.partition(".")
    return f"approach.{identifier(word)}{dot}{name}{equals}{value}"


def _keys(config: Any, prefix: str = "") -> list[str]:
    keys = []
    for key in config:
        name = f"{prefix}{key}"
        nested = OmegaConf.is_dict(OmegaConf.select(config, str(key), throw_on_missing=False))
        keys += _keys(config[key], f"{name}.") if nested else [name]
    return keys


def suggest_setting(key: str, config: Any) -> str:
    """Name the nearest setting, and the others of its section; the sections, if it has none."""
    keys = [_as_given(name) for name in _keys(config)]
    section = key.partition(".")[0]
    near = [name for name in keys if name.startswith(f"{section}.")]
    return suggest(key, near) if near else suggest(section, {name.partition(".")[0] for name in keys})


def _as_given(key: str) -> str:
    """Return a setting's key as a command line gives it: with an approach's word, hyphens and all."""
    section, *names = key.split(".")
    words = {identifier(word): word for word in approaches()} if section == "approach" else {}
    return ".".join([section, *(words.get(name, name) for name in names)])
