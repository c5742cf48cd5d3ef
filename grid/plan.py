"""Cells of tables → the unique trainings and evaluations that they need, as a graph of content addresses.

An id is a hash of everything that changes the result and of nothing else (paths, hosts and shares of the
machine stay outside), so equal work is done once, whichever table asks for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from grid.approaches import Approach, approaches
from grid.config import Config
from grid.spec import GridSpec, TableSpec

# Raised by hand whenever the code changes what a training's weights, or an evaluation's scores, come out as.
TRAINING_RECIPE = 1
EVALUATION_RECIPE = 1


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
    def cost(self) -> int:
        """Forward passes of a micro-batch, up to a factor that all trainings share."""
        return self.iterations * (len(self.spec["labelled"]) + len(self.spec["unlabelled"]))


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
    """A row of a table for one seed; its values are those of its evaluation."""

    id: str
    table: str
    sources: tuple[str, ...]
    target: str
    test: str
    approach: str
    seed: int
    training: str
    evaluation: str


@dataclass(frozen=True)
class Plan:
    """What a grid needs, parents before children."""

    grid: str
    tables: tuple[TableSpec, ...]
    trainings: dict[str, Training]
    evaluations: dict[str, Evaluation]
    cells: tuple[Cell, ...]

    def descendants(self, training: str) -> list[str]:
        """List the trainings that cannot be had without this one, nearest first."""
        found: list[str] = []
        for candidate in self.trainings.values():
            if candidate.parent == training or candidate.parent in found:
                found.append(candidate.id)
        return found


def make(spec: GridSpec, config: Config, digests: Mapping[str, str], weights_digest: str | None) -> Plan:
    """Plan a grid.

    Args:
        spec: the tables.
        config: the settings.
        digests: each corpus' manifest digest.
        weights_digest: the digest of the backbone's initial weights; None from scratch.
    """
    planner = _Planner(config, digests, weights_digest)
    cells = []
    for table in spec.tables:
        for source, target in table.pairs():
            for word in table.approaches:
                for seed in table.seeds:
                    cells.append(planner.cell(table, (source,), target, approaches()[word], seed))
    return Plan(spec.name, spec.tables, planner.trainings, planner.evaluations, tuple(cells))


class _Planner:
    def __init__(self, config: Config, digests: Mapping[str, str], weights_digest: str | None) -> None:
        self.config, self.digests, self.weights_digest = config, digests, weights_digest
        self.trainings: dict[str, Training] = {}
        self.evaluations: dict[str, Evaluation] = {}

    def cell(
        self, table: TableSpec, sources: tuple[str, ...], target: str, approach: Approach, seed: int
    ) -> Cell:
        training = self.training(sources, target, approach, seed)
        evaluation = self.evaluation(training, target)
        name = f"{table.name}/{'+'.join(sources)}-{target}/{approach.word}/seed{seed}"
        return Cell(
            id=name,
            table=table.name,
            sources=sources,
            target=target,
            test=target,
            approach=approach.word,
            seed=seed,
            training=training.id,
            evaluation=evaluation.id,
        )

    def training(self, sources: tuple[str, ...], target: str, approach: Approach, seed: int) -> Training:
        parent = None
        if approach.parent:
            parent = self.training(sources, target, approaches()[approach.parent], seed).id
        labelled, unlabelled = approach.labelled(sources, target), approach.unlabelled(sources, target)
        uses_target = target in labelled + unlabelled
        spec = {
            "recipe": TRAINING_RECIPE,
            "model": self._model(approach, fresh=parent is None),
            "step": approach.step,
            "labelled": self._corpora(labelled),
            "unlabelled": self._corpora(unlabelled),
            "validation": self._corpora(labelled[:1]),
            "train": self._train(fresh=parent is None),
            "world_size": 1,
            "seed": seed,
            "parent": parent,
        }
        words = [approach.word, *sources, *([target] if uses_target else []), f"seed{seed}"]
        found = Training(
            id=f"{'-'.join(words).lower()}-{_content_hash(spec)}",
            label=_label(approach, sources, target if uses_target else None, seed),
            approach=approach.word,
            sources=sources,
            target=target if uses_target else None,
            seed=seed,
            parent=parent,
            spec=spec,
        )
        return self.trainings.setdefault(found.id, found)

    def evaluation(self, training: Training, test: str) -> Evaluation:
        spec = {
            "recipe": EVALUATION_RECIPE,
            "training": training.id,
            "test": self._corpora((test,)),
            "protocol": asdict(self.config.test),
        }
        found = Evaluation(
            id=f"{training.id}-on-{test.lower()}-{_content_hash(spec)}",
            label=f"{training.label} on {test}",
            training=training.id,
            test=test,
            spec=spec,
        )
        return self.evaluations.setdefault(found.id, found)

    def _model(self, approach: Approach, *, fresh: bool) -> dict[str, Any]:
        options = asdict(self.config.model)
        options["backbone_weights"] = self.weights_digest if fresh else None
        return {"name": approach.model, **options}

    def _train(self, *, fresh: bool) -> dict[str, Any]:
        options = asdict(self.config.train)
        # How often a training is saved does not change what it becomes.
        del options["checkpoint_every"]
        finetune = options.pop("finetune_iterations")
        return options if fresh else {**options, "iterations": finetune}

    def _corpora(self, names: tuple[str, ...]) -> list[dict[str, str]]:
        return [{"corpus": name, "digest": self.digests[name]} for name in names]


def _label(approach: Approach, sources: tuple[str, ...], target: str | None, seed: int) -> str:
    arrow = f" → {target}" if target else ""
    return f"{approach.word} {' + '.join(sources)}{arrow}" + (f" (seed {seed})" if seed else "")


def _content_hash(content: Any) -> str:
    """Twelve hexadecimal digits of the SHA-256 of `content` as canonical JSON.

    Raises:
        TypeError: `content` holds something that JSON cannot say, whose text could differ between machines.
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
