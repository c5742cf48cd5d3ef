"""What PyTorch's containers forget: of which class a module is."""

from __future__ import annotations

from typing import TypeVar

from torch import nn

Kind = TypeVar("Kind", bound=nn.Module)


def known_as(kind: type[Kind], module: nn.Module) -> Kind:
    """Return a module that is known to be of a class.

    Raises:
        TypeError: it is of another.
    """
    if not isinstance(module, kind):
        raise TypeError(f"expected a {kind.__name__}, found a {type(module).__name__}")
    return module
