"""What modules from outside the project may declare, and how each becomes known by its word."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from types import ModuleType
from typing import Any

from hd2s.approaches import checked as approaches_checked
from hd2s.approaches import registry as approaches
from hd2s.checks import DeclarationError, Wrong
from hd2s.metrics import checked as metrics_checked
from hd2s.metrics import definitions as metrics
from hd2s.models import checked as models_checked
from hd2s.models import registry as models


def _add(
    faults: Callable[[Any], Iterable[Wrong]], register_one: Callable[[Any], None], declaration: Any
) -> None:
    if wrong := [*faults(declaration)]:
        raise DeclarationError(wrong)
    register_one(declaration)


REGISTER: dict[str, Callable[[Any], None]] = {
    "MODEL": partial(_add, models_checked.faults, models.register),
    "APPROACH": partial(_add, approaches_checked.faults, approaches.register),
    "METRIC": partial(_add, metrics_checked.faults, metrics.register),
}
"""Name in a module → what makes known the thing of that name, once it is found sound."""


def register(module: ModuleType) -> None:
    """Make known all that a module declares; again, for one that is known already, changes nothing.

    Raises:
        ValueError: one is not declared as it must be, or its word is another model's, approach's or metric's.
    """
    for name, add in REGISTER.items():
        if hasattr(module, name):
            try:
                add(getattr(module, name))
            except DeclarationError as error:
                raise ValueError(f"{module.__name__}.{name}: {error}") from error
