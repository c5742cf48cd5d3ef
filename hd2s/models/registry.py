"""The models by word: those in this folder, and those that plug-ins bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hd2s import models as package
from hd2s.checks import unknown
from hd2s.models.declaration import Model
from hd2s.registry import Registry

if TYPE_CHECKING:
    from hd2s.models.contract import SaliencyModel

MODELS: Registry[Model] = Registry("model", package, "MODEL")

models, ours_first = MODELS.known, MODELS.ours_first
register = MODELS.register


class Found(NamedTuple):
    """A model that was asked for by some name, and the options that the name stands for."""

    model: Model
    options: dict[str, Any]


def find_model(name: str) -> Found:
    """Return a model by its word, or by a name that old checkpoints know it by.

    Raises:
        ValueError: there is none; names all there are.
    """
    for model in ours_first().values():
        if name == model.word or name in model.aliases:
            return Found(model, dict(model.aliases.get(name, {})))
    raise ValueError(unknown("model", name, models()))


def build_model(name: str, *, seed: int | None = None, **config: Any) -> SaliencyModel:
    """Build a model on the CPU, in training mode.

    Every layer is initialised (`hd2s.layers.initialisation`) from the seed and its own name. What a
    constructor gives and no layer's `reset_parameters` stays; where it draws, it does so from the seed.

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
    import torch  # noqa: PLC0415 - as in on_meta

    from hd2s.layers.initialisation import forget, initialise, lacks_values  # noqa: PLC0415

    built = on_meta(model, options | config)
    built.to_empty(device="cpu")
    forget(built)
    seed = int(torch.randint(2**63 - 1, ())) if seed is None else seed
    initialise(built, seed)
    if lacks_values(built):
        with torch.random.fork_rng(devices=()):
            torch.default_generator.manual_seed(seed)
            built = _built(model, options | config)
        initialise(built, seed)
    return built


def on_meta(model: Model, options: dict[str, Any]) -> SaliencyModel:
    """Build a model on the meta device, where tensors have shapes and no values, nor any memory."""
    import torch  # noqa: PLC0415 - who asks what models there are does without it

    try:
        with torch.device("meta"):
            return _built(model, options)
    except Exception:  # noqa: BLE001 - what is wrong with a constructor itself is so with values too
        # Such as a transformer's, which asks a `linspace` for the rates of its blocks.
        with torch.random.fork_rng(devices=()), torch.device("cpu"):
            return _built(model, options).to("meta")


def _built(model: Model, options: dict[str, Any]) -> SaliencyModel:
    built = model.build(model.config(**options))
    built.declaration = model
    return built
