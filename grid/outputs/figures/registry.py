"""The figures by word: those in this folder."""

from __future__ import annotations

from functools import cache

from grid.outputs import figures as package
from grid.outputs.figures.contract import Figure
from hd2s.registry import declared_in


@cache
def figures() -> dict[str, Figure]:
    """Return every figure by its word, in alphabetical order."""
    return declared_in(package, "FIGURE")
