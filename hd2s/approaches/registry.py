"""The approaches by word: those in this folder, and those that plug-ins bring."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from hd2s import approaches as package
from hd2s.approaches.contract import Approach

_PLUGGED_IN: dict[str, Approach] = {}


def approaches() -> dict[str, Approach]:
    """Return every approach by its word, in alphabetical order."""
    return dict(sorted((_own() | _PLUGGED_IN).items()))


@cache
def _own() -> dict[str, Approach]:
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    return {module.APPROACH.word: module.APPROACH for module in modules if hasattr(module, "APPROACH")}


def register(approach: Approach) -> None:
    """Add an approach from outside this folder.

    Raises:
        ValueError: its word is another approach's.
    """
    if approaches().get(approach.word, approach) != approach:
        raise ValueError(f"the word {approach.word} is another approach's")
    _PLUGGED_IN[approach.word] = approach
