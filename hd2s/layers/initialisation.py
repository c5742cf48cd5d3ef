"""First weights that depend on a seed and a layer's own name alone."""

from __future__ import annotations

import hashlib

import torch
from torch import nn


def initialise(model: nn.Module, seed: int, prefix: str = "") -> None:
    """Initialise every layer (`reset_parameters`) from `seed` and its name.

    The same seed gives all models the weights that they share, whatever else was drawn or built before.

    Args:
        model: on the CPU.
        seed: any integer.
        prefix: what stands before the names of layers, where the module is part of something larger.
    """
    state = torch.default_generator.get_state()
    for name, module in model.named_modules(prefix=prefix):
        if hasattr(module, "reset_parameters"):
            key = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest()
            torch.default_generator.manual_seed(int.from_bytes(key))
            module.reset_parameters()
    torch.default_generator.set_state(state)
