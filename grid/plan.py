"""What a plan is made of: cells of tables, and the unique trainings and evaluations that they need, a graph.

`grid.planning.planner` makes plans.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from datasets.corpora.registry import find
from datasets.resizing import DEFAULT_RESIZING
from grid.specs.settings import Test, Train
from grid.specs.table import CostSpec, TableSpec
from hd2s.approaches.contract import Approach
from hd2s.approaches.registry import approaches
from hd2s.models.config import ModelConfig
from hd2s.models.contract import Model
from hd2s.models.registry import find_model
from hd2s.models.tested import AsTested
from manifests.folds import Fold

Row = Mapping[str, Any]
"""A point of a training's curve: step (int), name (str), value (float)."""


class Read(NamedTuple):
    """Clips that a training reads: of which split and fold, at which size (pixels), how long (frames).

    `resizing`: by which rule they come to that size (`datasets.resizing`).
    """

    corpus: str
    split: str
    height: int
    width: int
    clip_length: int
    resizing: str = DEFAULT_RESIZING
    fold: Fold | None = None


def unlabelled_splits(corpus: str, clips: str) -> tuple[str, ...]:
    """Return the splits of a corpus that are seen without their maps: of `train.unlabelled_clips`."""
    known = find(corpus)
    held_out = known is None or known.holds_out
    return ("train", "val") if clips == "train and held-out" and held_out else ("train",)


@dataclass(frozen=True)
class CorpusDigest:
    """A split of a corpus, the digest of the clips in it, and the fold that it is a split of, if any."""

    corpus: str
    digest: str
    fold: Fold | None = None


@dataclass(frozen=True)
class ModelSpec:
    """Which model a training trains.

    Attributes:
        name: its word.
        options: of its configuration, those that are not at their default.
        weights: the digest of what it starts from; None from scratch, or from a parent.
        plugin: the digest of the plug-in that the model comes from; None for one of the project's.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: str | None = None
    plugin: str | None = None

    # Looked up each time: what is pickled for a worker is read there before its plug-ins are known.
    @property
    def declaration(self) -> Model:
        """The model as it declares itself."""
        return find_model(self.name).model

    @property
    def config(self) -> ModelConfig:
        """Its configuration."""
        return self.declaration.config(**self.options)


@dataclass(frozen=True)
class ApproachSpec:
    """How a training uses its domains.

    Attributes:
        name: the approach's word.
        options: its own settings, those that are not at their default.
        plugin: the digest of the plug-in that it comes from; None for one of the project's.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    plugin: str | None = None

    @property
    def declaration(self) -> Approach:
        """The approach as it declares itself."""
        return approaches()[self.name]

    @property
    def settings(self) -> Any:
        """Its own settings; None for an approach without any."""
        return self.declaration.settings and self.declaration.settings(**self.options)


@dataclass(frozen=True)
class TrainingSpec:
    """All that changes a training's weights, and nothing else: its id hashes it (`grid.planning.identity`).

    Attributes:
        recipe: the version of the code that trains.
        model: what is trained.
        approach: how.
        labelled: the corpora whose maps supervise it.
        unlabelled: those seen without their maps.
        validation: what selects the weights.
        train: optimisation, with the values of fine-tuning where it has a parent.
        seed: of weights, dropout and order of clips.
        parent: the id of the training whose weights are the start.
        shares: micro-batches of each labelled corpus in an epoch, in which they come in a drawn order; empty:
            they alternate.
    """

    recipe: int
    model: ModelSpec
    approach: ApproachSpec
    labelled: tuple[CorpusDigest, ...]
    unlabelled: tuple[CorpusDigest, ...]
    validation: CorpusDigest
    train: Train
    seed: int
    parent: str | None = None
    shares: tuple[int, ...] = ()

    @property
    def validation_resizing(self) -> str:
        """By which rule validation frames and maps come to the input's size (`datasets.resizing`)."""
        return self.model.declaration.prediction[self.train.validation_protocol].resizing

    def as_settings(self) -> dict[str, Any]:
        """Return all of it in plain values, what is at its default too, for people to read and filter by."""
        model, approach, train = asdict(self.model), asdict(self.approach), asdict(self.train)
        options, own = asdict(self.model.config), self.approach.settings
        # What a protocol stands for is in the settings; what it starts from, in the weights' digest.
        del train["protocol"], train["pretrained"]
        return asdict(self) | {
            "train": train,
            "model": {"name": model["name"], **options, "backbone_weights": model["weights"]},
            "approach": {"name": approach["name"], **({self.approach.name: asdict(own)} if own else {})},
        }


@dataclass(frozen=True)
class Training:
    """A model to train."""

    id: str
    label: str
    model: str
    approach: str
    sources: tuple[str, ...]
    target: str | None
    seed: int
    parent: str | None
    spec: TrainingSpec = field(repr=False)

    @property
    def iterations(self) -> int:
        """Optimiser steps of the whole training; none of a model without weights."""
        return self.spec.train.iterations if self.spec.model.declaration.trains else 0

    @property
    def reads(self) -> dict[Read, bool]:
        """What it reads, and whether with maps."""
        spec, window = self.spec, self.spec.model.config.input
        train, seen = spec.train.resizing, spec.train.unlabelled_clips
        wanted = [
            (entry, split, train, False)
            for entry in spec.unlabelled
            for split in unlabelled_splits(entry.corpus, seen)
        ]
        wanted += [(entry, "train", train, True) for entry in spec.labelled]
        wanted.append((spec.validation, "val", spec.validation_resizing, True))
        return {
            Read(entry.corpus, split, *window.size, window.span, resizing, entry.fold): maps
            for entry, split, resizing, maps in wanted
        }

    @property
    def clips(self) -> int:
        """Clips that go forward and backward: of one source at a time, and of a target beside."""
        drawn = self.iterations * self.spec.train.accumulate * self.spec.train.micro_batch
        return drawn * (2 if self.spec.unlabelled else 1)

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
class EvaluationSpec:
    """All that changes an evaluation's scores.

    Attributes:
        recipe: the version of the code that evaluates.
        training: the id of the training whose model is tested.
        test: on what.
        protocol: how, with the one σ that it comes to.
        metrics: those of plug-ins, scored beside the project's own, and the digests of the plug-ins.
    """

    recipe: int
    training: str
    test: CorpusDigest
    protocol: Test
    metrics: Mapping[str, str] = field(default_factory=dict)

    def as_settings(self) -> dict[str, Any]:
        """Return all of it in plain values."""
        return asdict(self)


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
                    return evaluation.spec.protocol.tested
        return None

    def descendants(self, training: str) -> list[str]:
        """List the trainings that cannot be had without this one, nearest first."""
        found: list[str] = []
        for candidate in self.trainings.values():
            if candidate.parent == training or candidate.parent in found:
                found.append(candidate.id)
        return found
