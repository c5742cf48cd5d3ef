"""The figures by word: those in this folder."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from grid.outputs import figures as package
from grid.outputs.figures.contract import Figure


@cache
def figures() -> dict[str, Figure]:
    """Return every figure by its word, in alphabetical order."""
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    found = [module.FIGURE for module in modules if hasattr(module, "FIGURE")]
    return {figure.word: figure for figure in sorted(found, key=lambda figure: figure.word)}
