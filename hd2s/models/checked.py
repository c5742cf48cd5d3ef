"""Whether a model from outside the project is declared as it must be, before any of it is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from hd2s.checks import COUNT, FLAG, FUNCTION, MAPPING, TITLE, WORD, Rules, Wrong, broken, each, or_none, told
from hd2s.layers.features import Feature
from hd2s.models.config import Input, ModelConfig
from hd2s.models.declaration import Model, Traffic, WeightLayout
from hd2s.models.departures import Departure
from hd2s.models.tested import PredictionProtocol

_CONFIG = "a class that extends ModelConfig"


def _are_protocols(value: Any) -> bool:
    protocols = [*value.values()] if isinstance(value, Mapping) else []
    return bool(protocols) and all(isinstance(one, PredictionProtocol) for one in protocols)


_RULES: Rules = {
    "word": WORD,
    "title": TITLE,
    "config": (_CONFIG, lambda value: isinstance(value, type) and issubclass(value, ModelConfig)),
    "build": FUNCTION,
    **dict.fromkeys(("settings", "demo", "of_protocol", "held_out", "aliases"), MAPPING),
    "prediction": ("PredictionProtocols by word, one or more", _are_protocols),
    "layouts": ("a tuple of WeightLayouts", each(WeightLayout)),
    "trains": FLAG,
    "has_blocks": FLAG,
    "traffic": ("a Traffic, or None", or_none(lambda value: isinstance(value, Traffic))),
    "departures": ("a tuple of Departures", each(Departure)),
}
_COUNTS = ("frames", "height", "width", "step")


def faults(declared: Any) -> Iterator[Wrong]:
    """Yield all that is wrong with what stands as a model; it is not built."""
    wrong = [*broken(Model, _RULES, declared)]
    yield from wrong
    if not {"itself", "config"}.intersection(one.field for one in wrong):
        yield from _of_config(declared.config)


def _of_config(kind: type[ModelConfig]) -> Iterator[Wrong]:
    """Yield what is wrong with the configuration of which nothing is asked for."""
    named = {field.name for field in fields(kind)}
    own = {} if "__dataclass_fields__" in vars(kind) else vars(kind).get("__annotations__", {})
    if bare := [name for name in own if name not in named and "ClassVar" not in str(own[name])]:
        yield Wrong("config", "a dataclass: @dataclass(frozen=True) above it", f"no field {', '.join(bare)}")
        return
    try:
        config = kind()
    except Exception as error:  # noqa: BLE001 - whatever another's code raises
        yield Wrong("config", "what can be made of its defaults", f"{type(error).__name__}: {error}")
        return
    for name, expected, holds in (
        ("input", "an Input", lambda value: isinstance(value, Input)),
        ("features", "Features by name", _are_features),
    ):
        try:
            value: Any = getattr(config, name)
        except Exception as error:  # noqa: BLE001 - as above
            yield Wrong(f"config.{name}", expected, f"{type(error).__name__}: {error}")
            continue
        if not holds(value):
            yield Wrong(f"config.{name}", expected, told(value))
        elif name == "input":
            yield from _of_input(value)


def _are_features(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(one, Feature) for one in value.values())


def _of_input(shown: Input) -> Iterator[Wrong]:
    words = get_type_hints(Input)
    for name in (field.name for field in fields(Input)):
        value = getattr(shown, name)
        if name in _COUNTS and not COUNT[1](value):
            yield Wrong(f"config.input.{name}", COUNT[0], told(value))
        allowed = get_args(words[name]) if name in ("answers", "photograph", "framing") else ()
        if allowed and value not in allowed:
            yield Wrong(f"config.input.{name}", " or ".join(allowed), told(value))
