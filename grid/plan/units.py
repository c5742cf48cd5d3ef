"""The cells of tables, and the unique trainings and evaluations that they need: a graph."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property

from datasets.resizing import framed
from grid.plan.specs import (
    Criterion,
    EvaluationSpec,
    ModelSpec,
    Read,
    TrainingSpec,
    Validated,
    unlabelled_splits,
    validated,
)
from grid.specs.table import CostSpec, TableSpec
from grid.specs.tables.early_stopping import Asha
from hd2s.models.tested import AsTested


@dataclass(frozen=True)
class Training:
    """A model to train.

    Attributes:
        kept: what else chooses weights that last, beside its own validation. It changes none of these, and
            so no id.
    """

    id: str
    label: str
    model: str
    approach: str
    sources: tuple[str, ...]
    target: str | None
    seed: int
    parent: str | None
    spec: TrainingSpec = field(repr=False)
    kept: tuple[Criterion, ...] = ()

    @property
    def validated(self) -> tuple[Validated, ...]:
        """What it is validated on, its own first."""
        return validated(self.spec.validation, self.kept)

    @property
    def iterations(self) -> int:
        """Optimiser steps of the whole training; none of a model without weights."""
        return self.spec.train.iterations if self.spec.model.declaration.trains else 0

    @property
    def reads(self) -> dict[Read, bool]:
        """What it reads, and whether with maps."""
        spec, config = self.spec, self.spec.model.config
        train, seen = spec.train.resizing, spec.train.unlabelled_clips
        wanted = [
            (entry, split, train, False)
            for entry in spec.unlabelled
            for split in unlabelled_splits(entry.corpus, seen)
        ]
        wanted += [(entry, "train", train, True) for entry in spec.labelled]
        wanted += [(entry, "val", spec.validation_resizing, True) for _, entry in self.validated]
        reads: dict[Read, bool] = {}
        for entry, split, rule, maps in wanted:
            window = config.shown(entry.corpus).input
            how = framed(rule, window.framing)
            # Whole clips are compared at the size that they are predicted at.
            whole = split == "val" and spec.train.validation_windows is None
            for size in window.sizes:
                of_maps = window.map_size(size) if maps and not whole else None
                place = entry.corpus, split, *size, window.shortest
                reads[Read(*place, how, entry.fold, window.trained_sizes, of_maps)] = maps
        return reads

    @property
    def clips(self) -> int:
        """Clips that go forward and backward: of one source at a time, and of a target beside or alone."""
        return self.iterations * self.spec.train.accumulate * self.spec.train.micro_batch * self.streams

    @property
    def streams(self) -> int:
        """How many micro-batches a step has: one with maps, one without, or both."""
        return bool(self.spec.labelled) + bool(self.spec.unlabelled)

    @property
    def likeness(self) -> str:
        """What a clip's time depends on, but for the machine: trainings of one likeness take equally long."""
        spec = self.spec
        precision = "bfloat16" if spec.train.mixed_precision else "float32"
        return f"{_shape(spec.model)}, {spec.approach.name}, {precision}, {spec.train.micro_batch} at once"


def _shape(model: ModelSpec) -> str:
    window = model.config.input
    return f"{model.name} at {window.frames} × {window.height} × {window.width}"


@dataclass(frozen=True)
class Evaluation:
    """A trained model on every frame of a corpus' test split."""

    id: str
    label: str
    training: str
    test: str
    spec: EvaluationSpec = field(repr=False)


@dataclass(frozen=True)
class Cell:
    """A row of a table for one seed, one fold and point of its sweep; its values are its evaluation's.

    Attributes:
        evaluation: its id; empty where the test's annotations are withheld (`Plan.withheld`).
        fold: 0 where nothing that the cell reads is read in folds.
    """

    id: str
    table: str
    sources: tuple[str, ...]
    target: str | None
    test: str
    model: str
    approach: str
    seed: int
    training: str
    evaluation: str
    variant: str = ""
    point: tuple[str, ...] = ()
    fold: int = 0

    @property
    def repeat(self) -> tuple[int, int]:
        """What tells it from the other cells of its row: seed and fold."""
        return self.seed, self.fold


@dataclass(frozen=True)
class Rivals:
    """Points of a sweep of which one will be shown, and of which hopeless ones may be stopped.

    Attributes:
        trainings: all that are compared, by id.
        may_stop: those that nothing but this choice needs: no other training starts from them, and no row
            without such a choice shows them.
        asha: how they are stopped.
    """

    trainings: tuple[str, ...]
    may_stop: frozenset[str]
    asha: Asha


@dataclass(frozen=True)
class Plan:
    """What a grid needs, parents before children.

    Attributes:
        cells: those whose values are evaluations made here.
        withheld: those whose test's annotations are not public: trained here, and without an evaluation.
        costs: tables of what models cost, which need neither.
    """

    grid: str
    tables: tuple[TableSpec, ...]
    trainings: dict[str, Training]
    evaluations: dict[str, Evaluation]
    cells: tuple[Cell, ...]
    withheld: tuple[Cell, ...] = ()
    costs: tuple[CostSpec, ...] = ()

    @property
    def all_cells(self) -> tuple[Cell, ...]:
        """Every cell of every table, whoever evaluates it."""
        return (*self.cells, *self.withheld)

    @cached_property
    def rivals(self) -> tuple[Rivals, ...]:
        """Which trainings are points of one row, where hopeless ones are to be stopped."""
        return _rivals(self)

    @cached_property
    def may_stop(self) -> dict[str, str]:
        """The trainings that may be stopped early, and their evaluations, each with the training."""
        found = {training: training for rivals in self.rivals for training in rivals.may_stop}
        tested = {unit.id: unit.training for unit in self.evaluations.values() if unit.training in found}
        return found | tested

    def cells_of(self, table: str) -> list[Cell]:
        """List a table's cells."""
        return [cell for cell in self.all_cells if cell.table == table]

    def dependents(self, training: str) -> list[str]:
        """List the trainings and evaluations that cannot be had without this training."""
        trainings = self.descendants(training)
        gone = {training, *trainings}
        return [*trainings, *(e.id for e in self.evaluations.values() if e.training in gone)]

    def likeness(self, evaluation: Evaluation) -> str:
        """Say what a frame's time depends on, but for the machine."""
        test = evaluation.spec.protocol
        return f"{_shape(self.trainings[evaluation.training].spec.model)}, {test.precision}, {test.protocol}"

    def tested(self, training: str) -> AsTested | None:
        """Return how a training's model is tested: in its first evaluation, or in a descendant's."""
        for unit in (training, *self.descendants(training)):
            for evaluation in self.evaluations.values():
                if evaluation.training == unit:
                    return replace(evaluation.spec.protocol.tested, plugins=self._plugins(training))
        return None

    def _plugins(self, training: str) -> tuple[str, ...]:
        """Return the digests of those that a training's model and approach come from."""
        spec = self.trainings[training].spec
        found = dict.fromkeys((spec.model.plugin, spec.approach.plugin))
        return tuple(digest for digest in found if digest)

    def descendants(self, training: str) -> list[str]:
        """List the trainings that cannot be had without this one, nearest first."""
        found: list[str] = []
        for candidate in self.trainings.values():
            if candidate.parent == training or candidate.parent in found:
                found.append(candidate.id)
        return found


def _rivals(plan: Plan) -> tuple[Rivals, ...]:
    """Find the rivals of a plan's tables that ask for stopping; tests of the same points are one."""
    asked = {table.name: table.stop for table in plan.tables}
    rows: dict[tuple, dict[str, None]] = defaultdict(dict)
    for cell in plan.all_cells:
        place = cell.table, cell.sources, cell.target, cell.test
        rows[*place, cell.model, cell.approach, cell.variant, cell.repeat][cell.training] = None
    choices = {(tuple(members), asked[row[0]]) for row, members in rows.items()}
    standing: dict[str, int] = defaultdict(int)
    for members, _ in choices:
        for training in members:
            standing[training] += 1
    return tuple(
        Rivals(members, frozenset(each for each in members if _may_stop(plan, each, standing)), asha)
        for members, asha in sorted(choices, key=lambda choice: choice[0])
        if asha and len(members) > 1
    )


def _may_stop(plan: Plan, training: str, standing: dict[str, int]) -> bool:
    unit = plan.trainings[training]
    return standing[training] == 1 and unit.iterations > 0 and not plan.descendants(training)
