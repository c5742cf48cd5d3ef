"""First weights that depend on a seed and a layer's own name alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import chain

import torch
from torch import Tensor, nn


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


@torch.no_grad()
def forget(model: nn.Module) -> None:
    """Mark every tensor of a model on the CPU as one that has no values yet."""
    for tensor in _tensors(model):
        tensor[(0,) * tensor.ndim] = _mark(tensor)


def lacks_values(model: nn.Module) -> bool:
    """Whether a tensor may have got no values since, or stands in an attribute without memory."""
    attributes = (value for module in model.modules() for value in vars(module).values())
    without_memory = any(isinstance(value, Tensor) and value.is_meta for value in attributes)
    return without_memory or any(map(_is_marked, _tensors(model)))


def _tensors(model: nn.Module) -> Iterator[Tensor]:
    return (tensor for tensor in chain(model.parameters(), model.buffers()) if tensor.numel())


def _mark(tensor: Tensor) -> float:
    """Return what first values seldom begin with."""
    if tensor.is_floating_point() or tensor.is_complex():
        return torch.nan
    return 0 if tensor.dtype == torch.bool else torch.iinfo(tensor.dtype).min


def _is_marked(tensor: Tensor) -> bool:
    first = tensor[(0,) * tensor.ndim]
    return bool(first.isnan() | (first == _mark(tensor)))
