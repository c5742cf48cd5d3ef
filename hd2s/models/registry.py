"""The models by word: those in this folder, and those that plug-ins bring."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Any, NamedTuple

import torch

from hd2s import models as package
from hd2s.checks import unknown
from hd2s.layers.initialisation import initialise
from hd2s.models.contract import Model, SaliencyModel

_PLUGGED_IN: dict[str, Model] = {}


class Found(NamedTuple):
    """A model that was asked for by some name, and the options that the name stands for."""

    model: Model
    options: dict[str, Any]


def models() -> dict[str, Model]:
    """Return every model by its word, in alphabetical order."""
    return dict(sorted((_own() | _PLUGGED_IN).items()))


@cache
def _own() -> dict[str, Model]:
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    found = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    return {module.MODEL.word: module.MODEL for module in found if hasattr(module, "MODEL")}


def register(model: Model) -> None:
    """Add a model from outside this folder.

    Raises:
        ValueError: its word is another model's.
    """
    if models().get(model.word, model) != model:
        raise ValueError(f"the word {model.word} is another model's")
    _PLUGGED_IN[model.word] = model


def find_model(name: str) -> Found:
    """Return a model by its word, or by a name that old checkpoints know it by.

    Raises:
        ValueError: there is none; names all there are.
    """
    for model in models().values():
        if name == model.word or name in model.aliases:
            return Found(model, dict(model.aliases.get(name, {})))
    raise ValueError(unknown("model", name, models()))


def build_model(name: str, *, seed: int | None = None, **config: Any) -> SaliencyModel:
    """Build a model on the CPU, in training mode.

    Every layer is initialised (`hd2s.layers.initialisation`) from the seed and its own name.

    Args:
        name: the model's word.
        seed: of its first weights; without one, it is drawn from the global generator.
        config: fields of its configuration.

    Raises:
        ValueError: an unknown model or option, or values that the configuration does not allow
            (`ConfigError`).
    """
    model, options = find_model(name)
    for option in config:
        if option not in model.options:
            raise ValueError(unknown(f"option of {name}", option, model.options))
    built = on_meta(model, options | config)
    built.to_empty(device="cpu")
    initialise(built, int(torch.randint(2**63 - 1, ())) if seed is None else seed)
    return built


def on_meta(model: Model, options: dict[str, Any]) -> SaliencyModel:
    """Build a model on the meta device, where tensors have shapes and no values, nor any memory."""
    with torch.device("meta"):
        built = model.build(model.config(**options))
    built.declaration = model
    return built
