"""What a plan is made of: cells of tables, and the unique trainings and evaluations that they need, a graph.

`grid.planning.planner` makes plans.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from grid.specs.table import TableSpec

Row = Mapping[str, Any]
"""A point of a training's curve: step (int), name (str), value (float)."""


class Read(NamedTuple):
    """Clips that a training reads: of which split, at which size (pixels), and how long at least (frames)."""

    corpus: str
    split: str
    height: int
    width: int
    clip_length: int


@dataclass(frozen=True)
class Training:
    """A model to train. `spec` is all that changes its weights; the id is its hash."""

    id: str
    label: str
    approach: str
    sources: tuple[str, ...]
    target: str | None
    seed: int
    parent: str | None
    spec: Mapping[str, Any] = field(repr=False)

    @property
    def iterations(self) -> int:
        """Optimiser steps of the whole training."""
        return self.spec["train"]["iterations"]

    @property
    def reads(self) -> dict[Read, bool]:
        """What it reads, and whether with maps."""
        model = self.spec["model"]
        size = model["height"], model["width"], model["clip_length"]
        found: dict[Read, bool] = {}
        for key, split in (("unlabelled", "train"), ("labelled", "train"), ("validation", "val")):
            found |= {Read(entry["corpus"], split, *size): key != "unlabelled" for entry in self.spec[key]}
        return found

    @property
    def clips(self) -> int:
        """Clips that go forward and backward: of one source at a time, and of a target beside."""
        drawn = self.iterations * self.spec["train"]["accumulate"] * self.spec["train"]["micro_batch"]
        return drawn * (2 if self.spec["unlabelled"] else 1)


@dataclass(frozen=True)
class Evaluation:
    """A trained model on every frame of a corpus' test split."""

    id: str
    label: str
    training: str
    test: str
    spec: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Cell:
    """A row of a table for one seed and point of its sweep; its values are those of its evaluation."""

    id: str
    table: str
    sources: tuple[str, ...]
    target: str | None
    test: str
    approach: str
    seed: int
    training: str
    evaluation: str
    variant: str = ""
    point: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What a grid needs, parents before children."""

    grid: str
    tables: tuple[TableSpec, ...]
    trainings: dict[str, Training]
    evaluations: dict[str, Evaluation]
    cells: tuple[Cell, ...]

    def dependents(self, training: str) -> list[str]:
        """List the trainings and evaluations that cannot be had without this training."""
        trainings = self.descendants(training)
        gone = {training, *trainings}
        return [*trainings, *(e.id for e in self.evaluations.values() if e.training in gone)]

    def descendants(self, training: str) -> list[str]:
        """List the trainings that cannot be had without this one, nearest first."""
        found: list[str] = []
        for candidate in self.trainings.values():
            if candidate.parent == training or candidate.parent in found:
                found.append(candidate.id)
        return found
