"""Approaches: how a model may use the source and the target domain. One file, one approach.

Every module of this package defines `APPROACH`; putting a file here is all that a new approach needs.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from hd2s import approaches as package

Corpora = tuple[str, ...]


@dataclass(frozen=True)
class Approach:
    """What data a training of this approach sees, which step it takes, and what it starts from.

    Attributes:
        word: the name in specs, ids and tags.
        title: the name in tables.
        model: a name of `hd2s.build_model`.
        labelled: (sources, target) -> the corpora whose maps supervise the training. The first of them
            also selects the weights, by its validation split (Sect. 4.2).
        unlabelled: (sources, target) -> the corpora seen without their maps.
        step: a name of `hd2s.training.turns.STEPS`.
        parent: the approach, trained on the sources alone, whose weights are the start; None for a
            fresh model.
        pools: takes all sources of a table together, instead of one at a time.
        needs_target: cannot do without a second domain.
        trained_as: the approach whose very training this is, under another name in tables; empty for
            its own.
        learns_smoothing: its model smooths its maps itself, so that no Gaussian follows in evaluation.
        options: sources -> what the model is built with besides the settings.
    """

    word: str
    title: str
    model: str
    labelled: Callable[[Corpora, str | None], Corpora]
    unlabelled: Callable[[Corpora, str | None], Corpora]
    step: str
    parent: str | None = None
    pools: bool = False
    needs_target: bool = False
    trained_as: str = ""
    learns_smoothing: bool = False
    options: Callable[[Corpora], dict[str, Any]] = lambda sources: {}


@cache
def approaches() -> dict[str, Approach]:
    """Every approach by its word, in alphabetical order."""
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    found = [module.APPROACH for module in modules if hasattr(module, "APPROACH")]
    return {approach.word: approach for approach in found}
