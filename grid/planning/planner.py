"""Cells of tables → the unique trainings and evaluations that they need, as a graph of content addresses.

An id is a hash of everything that changes the result and of nothing else (paths, hosts and shares of the
machine stay outside), so equal work is done once, whichever table asks for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from grid.plan import Cell, Evaluation, Plan, Training
from grid.planning.sweep_axes import without_idle_axes
from grid.specs.settings import Config
from grid.specs.table import GridSpec, Place, TableSpec
from hd2s.approaches.registry import Approach, approaches
from hd2s.prediction.predictor import SMOOTHING_SIGMA
from hd2s.training.protocol import find_protocol
from manifests.problem import Problem, ProblemError

# Raised by hand whenever the code changes what a training's weights, or an evaluation's scores, come out as.
TRAINING_RECIPE = 3
EVALUATION_RECIPE = 2

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
    plan, problems = draft(spec, configure, digests, weights_digest)
    if problems:
        raise ProblemError(problems)
    return plan


def draft(
    spec: GridSpec,
    configure: Configure,
    digests: Digests,
    weights_digest: str | None,
    known: Sequence[Problem] = (),
) -> tuple[Plan, list[Problem]]:
    """Plan those rows of a grid whose settings are sound, and list what is wrong with the others.

    Args:
        spec: the tables.
        configure: as `make` takes it.
        digests: as `make` takes them.
        weights_digest: as `make` takes it.
        known: what is wrong with the user's own settings, which is not to be said again of each row.
    """
    planner = _Planner(digests, weights_digest)
    problems: list[Problem] = []
    cells: list[Cell] = []
    for table in spec.tables:
        for variant in table.variants:
            found: list[Cell] = []
            for point in table.points():
                try:
                    planner.config = configure(table.overrides, (*variant.overrides, *point))
                    differs = planner.config != configure(table.overrides, ())
                except ProblemError as error:
                    wrong = (p for p in error.problems if p not in known)
                    problems += [replace(p, where=f"{table.name}, {p.where}") for p in wrong]
                    continue
                planner.row = table.name, variant.label
                planner.distinction = tuple(filter(None, (variant.label, *point))) if differs else ()
                found += planner.cells(table, variant.label, point)
            cells += map(_named, without_idle_axes(found))
    plan = Plan(spec.name, spec.tables, planner.trainings, planner.evaluations, tuple(cells))
    return planner.labelled(plan), list(dict.fromkeys(problems))


class _Planner:
    def __init__(self, digests: Digests, weights_digest: str | None) -> None:
        self.digests, self.weights_digest = digests, weights_digest
        self.config: Config
        # Whose cells are being planned, and what tells this variant and point from others in labels.
        self.row = "", ""
        self.distinction: tuple[str, ...] = ()
        self.trainings: dict[str, Training] = {}
        self.evaluations: dict[str, Evaluation] = {}
        self.distinctions: dict[str, tuple[tuple[str, str], tuple[str, ...]]] = {}

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
        training = self.training(sources, target, approach, seed)
        evaluation = self.evaluation(training, test)
        return Cell(
            id="",
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
            "train": self._train(fresh=parent is None, reversal=bool(unlabelled)),
            "seed": seed,
            "parent": parent,
        }
        words = [approach.word, *sources, *([target] if uses_target else []), f"seed{seed}"]
        found = Training(
            id=f"{'-'.join(words).lower()}-{_content_hash(spec)}",
            label="",
            approach=approach.word,
            sources=sources,
            target=target if uses_target else None,
            seed=seed,
            parent=parent,
            spec=spec,
        )
        self._distinguish(found.id)
        return self.trainings.setdefault(found.id, found)

    def evaluation(self, training: Training, test: str) -> Evaluation:
        """Plan an evaluation."""
        spec = {
            "recipe": EVALUATION_RECIPE,
            "training": training.id,
            "test": self._corpora((test,), "test"),
            "protocol": self._test(approaches()[training.approach]),
        }
        found = Evaluation(
            id=f"{training.id}-on-{test.lower()}-{_content_hash(spec)}",
            label="",
            training=training.id,
            test=test,
            spec=spec,
        )
        return self.evaluations.setdefault(found.id, found)

    def labelled(self, plan: Plan) -> Plan:
        """Return the plan with the names that people read, once all that shares a training is known."""
        trainings = {unit.id: replace(unit, label=self._label(unit)) for unit in plan.trainings.values()}
        evaluations = {
            unit.id: replace(unit, label=f"{trainings[unit.training].label} on {unit.test}")
            for unit in plan.evaluations.values()
        }
        return replace(plan, trainings=trainings, evaluations=evaluations)

    def _distinguish(self, training: str) -> None:
        """Tell a training by what all points of the row that asked for it first have in common."""
        row, words = self.distinctions.setdefault(training, (self.row, self.distinction))
        if row == self.row:
            common = tuple(word for word in words if word in self.distinction)
            self.distinctions[training] = row, common

    def _model(self, approach: Approach, sources: tuple[str, ...], *, fresh: bool) -> dict[str, Any]:
        options = asdict(self.config.model)
        options["backbone_weights"] = self.weights_digest if fresh else None
        own = approach.options(sources)
        if "domains" in own:
            own["quantise"] = find_protocol(self.config.train.protocol).quantise
        return {"name": approach.model, **options, **own}

    def _train(self, *, fresh: bool, reversal: bool) -> dict[str, Any]:
        options = asdict(self.config.train)
        # How often a training is saved does not change what it becomes.
        del options["checkpoint_every"]
        iterations, lr = options.pop("finetune_iterations"), options.pop("finetune_lr")
        if not fresh:
            options |= {"iterations": iterations, "lr": options["lr"] if lr is None else lr}
        if not reversal:
            # There is no λ: trainings that differ in its end alone are one.
            options["lambda_max"] = 0.0
        return options

    def _test(self, approach: Approach) -> dict[str, Any]:
        """Return the settings of an evaluation, with the one σ that it comes to, however it was said."""
        options = asdict(self.config.test)
        if approach.learns_smoothing:
            options["smoothing_sigma"] = None
        elif options["smoothing_sigma"] is None:
            options["smoothing_sigma"] = SMOOTHING_SIGMA[options["protocol"]]
        return options

    def _label(self, unit: Training) -> str:
        _, distinction = self.distinctions[unit.id]
        details = [*distinction, *([f"seed {unit.seed}"] if unit.seed else [])]
        arrow = f" → {unit.target}" if unit.target else ""
        told = f" ({', '.join(details)})" if details else ""
        return f"{unit.approach} {' + '.join(unit.sources)}{arrow}{told}"

    def _corpora(self, names: tuple[str, ...], split: str) -> list[dict[str, str]]:
        return [{"corpus": name, "digest": self.digests[name][split]} for name in names]


def _named(cell: Cell) -> Cell:
    domains = "+".join(cell.sources) + (f"-{cell.target}" if cell.target else "")
    where = domains if cell.test == (cell.target or domains) else f"{domains}-on-{cell.test}"
    words = [cell.table, where, cell.approach, *filter(None, [cell.variant]), *cell.point, f"seed{cell.seed}"]
    return replace(cell, id="/".join(words))


def _content_hash(content: Any) -> str:
    """Twelve hexadecimal digits of the SHA-256 of `content` as canonical JSON.

    Raises:
        TypeError: `content` holds something that JSON cannot say, whose text could differ between machines.
    """
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
