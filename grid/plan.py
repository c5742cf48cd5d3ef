"""Cells of tables → the unique trainings and evaluations that they need, as a graph of content addresses.

An id is a hash of everything that changes the result and of nothing else (paths, hosts and shares of the
machine stay outside), so equal work is done once, whichever table asks for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from typing import Any, NamedTuple

from grid.approaches import Approach, approaches
from grid.config import Config
from grid.tablespec import GridSpec, Place, TableSpec
from hd2s.protocol import find_protocol
from manifests.check import Problem, ProblemError

# Raised by hand whenever the code changes what a training's weights, or an evaluation's scores, come out as.
TRAINING_RECIPE = 2
EVALUATION_RECIPE = 2


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


Digests = Mapping[str, Mapping[str, str]]
"""Corpus → split → digest of the clips in it."""


# (overrides under the user's, overrides over them) -> the settings.
Configure = Callable[[Sequence[str], Sequence[str]], Config]


def make(spec: GridSpec, configure: Configure, digests: Digests, weights_digest: str | None) -> Plan:
    """Plan a grid.

    Args:
        spec: the tables.
        configure: the settings with a table's own, and with those of a variant or a point of a sweep.
        digests: of the manifests' splits; what changes in one of them concerns only who reads it.
        weights_digest: the digest of the backbone's initial weights; None from scratch.

    Raises:
        ProblemError: settings of tables, variants and sweeps that are unknown or impossible.
    """
    planner = _Planner(digests, weights_digest)
    problems: list[Problem] = []
    cells: list[Cell] = []
    for table in spec.tables:
        for variant, point in product(table.variants, table.points()):
            try:
                planner.config = configure(table.overrides, (*variant.overrides, *point))
                differs = planner.config != configure(table.overrides, ())
                planner.distinction = ", ".join(filter(None, (variant.label, *point))) if differs else ""
            except ProblemError as error:
                # The user's own settings are sound by now.
                problems += [replace(p, where=f"{table.name}, {p.where}") for p in error.problems]
            else:
                cells += planner.cells(table, variant.label, point)
    if problems:
        raise ProblemError(dict.fromkeys(problems))
    return Plan(spec.name, spec.tables, planner.trainings, planner.evaluations, tuple(cells))


class _Planner:
    def __init__(self, digests: Digests, weights_digest: str | None) -> None:
        self.digests, self.weights_digest = digests, weights_digest
        self.config: Config
        self.distinction = ""  # of this variant and point, in labels
        self.trainings: dict[str, Training] = {}
        self.evaluations: dict[str, Evaluation] = {}

    def cells(self, table: TableSpec, variant: str, point: tuple[str, ...]) -> list[Cell]:
        """Place every approach of a table, those of one place side by side."""
        known = [approaches()[word] for word in table.approaches]
        standing = {approach.word: table.places(approach) for approach in known}
        places = dict.fromkeys(place for found in standing.values() for place in found)
        return [
            self._cell(table, place, approach, seed=seed, variant=variant, point=point)
            for place in places
            for approach in known
            if place in standing[approach.word]
            for seed in table.seeds
        ]

    def _cell(
        self,
        table: TableSpec,
        place: Place,
        approach: Approach,
        *,
        seed: int,
        variant: str,
        point: tuple[str, ...],
    ) -> Cell:
        sources, target, test = place
        domains = "+".join(sources) + (f"-{target}" if target else "")
        where = domains if test == (target or domains) else f"{domains}-on-{test}"
        name = "/".join([table.name, where, approach.word, *filter(None, [variant]), *point, f"seed{seed}"])
        training = self.training(sources, target, approach, seed)
        evaluation = self.evaluation(training, test)
        return Cell(
            id=name,
            table=table.name,
            sources=sources,
            target=target,
            test=test,
            approach=approach.word,
            seed=seed,
            training=training.id,
            evaluation=evaluation.id,
            variant=variant,
            point=point,
        )

    def training(
        self, sources: tuple[str, ...], target: str | None, approach: Approach, seed: int
    ) -> Training:
        """Plan a training, and the one that it starts from."""
        if approach.trained_as:
            approach = approaches()[approach.trained_as]
        parent = None
        if approach.parent:
            parent = self.training(sources, target, approaches()[approach.parent], seed).id
        labelled, unlabelled = approach.labelled(sources, target), approach.unlabelled(sources, target)
        uses_target = target is not None and target in labelled + unlabelled
        spec = {
            "recipe": TRAINING_RECIPE,
            "model": self._model(approach, sources, fresh=parent is None),
            "step": approach.step,
            "labelled": self._corpora(labelled, "train"),
            "unlabelled": self._corpora(unlabelled, "train"),
            "validation": self._corpora(labelled[:1], "val"),
            "train": self._train(fresh=parent is None),
            "seed": seed,
            "parent": parent,
        }
        words = [approach.word, *sources, *([target] if uses_target else []), f"seed{seed}"]
        found = Training(
            id=f"{'-'.join(words).lower()}-{_content_hash(spec)}",
            label=self._label(approach, sources, target if uses_target else None, seed),
            approach=approach.word,
            sources=sources,
            target=target if uses_target else None,
            seed=seed,
            parent=parent,
            spec=spec,
        )
        return self.trainings.setdefault(found.id, found)

    def evaluation(self, training: Training, test: str) -> Evaluation:
        """Plan an evaluation."""
        spec = {
            "recipe": EVALUATION_RECIPE,
            "training": training.id,
            "test": self._corpora((test,), "test"),
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

    def _model(self, approach: Approach, sources: tuple[str, ...], *, fresh: bool) -> dict[str, Any]:
        options = asdict(self.config.model)
        options["backbone_weights"] = self.weights_digest if fresh else None
        own = approach.options(sources)
        if "domains" in own:
            own["quantise"] = find_protocol(self.config.train.protocol).quantise
        return {"name": approach.model, **options, **own}

    def _train(self, *, fresh: bool) -> dict[str, Any]:
        options = asdict(self.config.train)
        # How often a training is saved does not change what it becomes.
        del options["checkpoint_every"]
        finetune = options.pop("finetune_iterations")
        return options if fresh else {**options, "iterations": finetune}

    def _label(self, approach: Approach, sources: tuple[str, ...], target: str | None, seed: int) -> str:
        details = [self.distinction] if self.distinction else []
        details += [f"seed {seed}"] if seed else []
        arrow = f" → {target}" if target else ""
        return f"{approach.word} {' + '.join(sources)}{arrow}" + (
            f" ({', '.join(details)})" if details else ""
        )

    def _corpora(self, names: tuple[str, ...], split: str) -> list[dict[str, str]]:
        return [{"corpus": name, "digest": self.digests[name][split]} for name in names]


def _content_hash(content: Any) -> str:
    """Twelve hexadecimal digits of the SHA-256 of `content` as canonical JSON.

    Raises:
        TypeError: `content` holds something that JSON cannot say, whose text could differ between machines.
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
