"""The models by name."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import fields

import torch
from torch import nn

from hd2s.approaches.calibration import CalibratedHD2S
from hd2s.checks import unknown
from hd2s.layers.domain_classifiers import DomainClassifiers
from hd2s.models.hd2s.model import HD2S, HD2SConfig, HD2SDSLConfig


def _hd2s(config: HD2SConfig) -> HD2S:
    return HD2S(config)


def _hd2s_da(config: HD2SConfig) -> HD2S:
    return HD2S(config, adversarial=DomainClassifiers(config.feature_shapes))


def _hd2s_dsl(config: HD2SDSLConfig) -> HD2S:
    return HD2S(config, domains=config)


MODELS: dict[str, tuple[type, Callable[..., nn.Module]]] = {
    "hd2s": (HD2SConfig, _hd2s),
    "hd2s_da": (HD2SConfig, _hd2s_da),
    "hd2s_dsl": (HD2SDSLConfig, _hd2s_dsl),
    "hd2s_calibrated": (HD2SConfig, CalibratedHD2S),
}
"""Name → configuration dataclass, and what builds the model from one."""


def build_model(name: str, *, seed: int | None = None, **config) -> nn.Module:
    """Build the model `name` on the CPU; `config` are the fields of its configuration.

    It is in training mode, but for a calibrated one, which has none.

    Every layer is initialised (PyTorch's defaults) from `seed` and its own name. The same seed therefore
    gives all models the weights that they share, whatever else was drawn or built before. Without a
    seed, one is drawn from the global generator.

    Raises ValueError for an unknown model or option, and for values that the configuration does not allow.
    """
    if name not in MODELS:
        raise ValueError(unknown("model", name, MODELS))
    config_class, build = MODELS[name]
    options = [field.name for field in fields(config_class)]
    for option in config:
        if option not in options:
            raise ValueError(unknown(f"option of {name}", option, options))
    if seed is None:
        seed = int(torch.randint(2**63 - 1, ()))
    with torch.device("meta"):  # no memory is filled twice
        model = build(config_class(**config))
    model.to_empty(device="cpu")
    _initialise(model, seed)
    model.zoo_name = name
    return model


def _initialise(model: nn.Module, seed: int) -> None:
    state = torch.default_generator.get_state()
    for name, module in model.named_modules():
        if hasattr(module, "reset_parameters"):
            key = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
            torch.default_generator.manual_seed(int.from_bytes(key))
            module.reset_parameters()
    torch.default_generator.set_state(state)
