"""What modules from outside the project may declare, and how each becomes known by its word."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from hd2s.approaches import registry as approaches
from hd2s.metrics import definitions as metrics
from hd2s.models import registry as models

REGISTER: dict[str, Callable[[Any], None]] = {
    "MODEL": models.register,
    "APPROACH": approaches.register,
    "METRIC": metrics.register,
}
"""Name in a module → what makes known the thing of that name."""


def register(module: ModuleType) -> None:
    """Make known all that a module declares; again, for one that is known already, changes nothing.

    Raises:
        ValueError: a word is taken by another model, approach or metric.
    """
    for name, add in REGISTER.items():
        if hasattr(module, name):
            add(getattr(module, name))
