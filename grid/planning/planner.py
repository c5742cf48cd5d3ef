"""Cells of tables → the unique trainings and evaluations that they need, as a graph of content addresses.

An id is a hash of everything that changes the result and of nothing else (paths, hosts and shares of the
machine stay outside), so equal work is done once, whichever table asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

from grid.plan import (
    ApproachSpec,
    Cell,
    CorpusDigest,
    Criterion,
    Evaluation,
    EvaluationSpec,
    ModelSpec,
    Plan,
    Training,
    TrainingSpec,
    unlabelled_splits,
)
from grid.planning.criteria import criteria, has_a_choice, lacking, selecting, unselecting
from grid.planning.identity import content_hash, options_of
from grid.planning.labels import Labels, folds_of, in_places, named
from grid.planning.rows import (
    ClipsOf,
    Configure,
    Digests,
    Folds,
    Row,
    Splits,
    batches_of,
    configured_row,
    evaluation_settings,
    in_epochs,
    model_spec,
    own_settings,
    require_layers,
    training_settings,
    validated_source,
)
from grid.planning.sweep_axes import incomparable, without_idle_axes
from grid.specs.plugins import blamed, digest_of
from grid.specs.settings import Train
from grid.specs.table import SOURCE, GridSpec, Place
from hd2s.approaches.declaration import Approach
from hd2s.approaches.registry import approaches
from hd2s.metrics.definitions import find_metric
from hd2s.models.registry import models
from manifests.folds import HeldOut, fold_digest
from manifests.problem import Problem, ProblemError

# Raised by hand whenever the code, or a default, changes what a training's weights, or an evaluation's
# scores, come out as.
TRAINING_RECIPE = 5
EVALUATION_RECIPE = 5


def make(spec: GridSpec, configure: Configure, digests: Digests, weights: Mapping[str, str | None]) -> Plan:
    """Plan a grid.

    Args:
        spec: the tables.
        configure: the settings with a table's own, and with those of a variant or a point of a sweep.
        digests: of the manifests' splits; what changes in one of them concerns only who reads it.
        weights: model → the digest of what its trainings start from; None from scratch.

    Raises:
        ProblemError: settings of tables, variants and sweeps that are unknown or impossible.
    """
    plan, problems = draft(spec, configure, digests, weights)
    if problems:
        raise ProblemError(problems)
    return plan


def draft(
    spec: GridSpec,
    configure: Configure,
    digests: Digests,
    weights: Mapping[str, str | None],
    known: Sequence[Problem] = (),
    *,
    clips_of: ClipsOf = lambda corpus, fold: (),
) -> tuple[Plan, list[Problem]]:
    """Plan those rows of a grid whose settings are sound, and list what is wrong with the others.

    Args:
        spec: the tables.
        configure: as `make` takes it.
        digests: as `make` takes them.
        weights: as `make` takes them.
        known: what is wrong with the user's own settings, which is not to be said again of each row.
        clips_of: what epochs are counted by.
    """
    planner = _Planner(digests, weights, clips_of)
    problems: list[Problem] = []
    cells: list[Cell] = []
    sources = selecting(spec)
    for table in spec.tables:
        for variant, part in table.parts():
            for model, approach in part.rows():
                found: list[Cell] = []
                for point in part.points():
                    try:
                        with blamed(approach, models()[model]):
                            row = configured_row(part, variant, point, model, configure)
                            problems += unselecting(row.config, sources)
                            found += planner.cells(row, approach)
                    except ProblemError as error:
                        wrong = (p for p in error.problems if p not in known)
                        problems += [replace(p, where=f"{table.name}, {p.where}") for p in wrong]
                found = without_idle_axes(found)
                cells += map(named, found)
                problems += incomparable(found, planner.trainings)
    cells = in_places(cells, spec)
    trainings = {unit: planner.planned(unit) for cell in cells for unit in planner.chain(cell.training)}
    evaluations = {e: planner.evaluations[e] for cell in cells if (e := cell.evaluation)}
    ours = tuple(cell for cell in cells if cell.evaluation)
    withheld = tuple(cell for cell in cells if not cell.evaluation)
    plan = Plan(spec.name, spec.tables, trainings, evaluations, ours, withheld, spec.costs)
    return planner.labels.of(plan), list(dict.fromkeys(problems))


class _Planner:
    def __init__(self, digests: Digests, weights: Mapping[str, str | None], clips_of: ClipsOf) -> None:
        self.digests, self.weights, self.clips_of = digests, weights, cache(clips_of)
        self.trainings: dict[str, Training] = {}
        self.evaluations: dict[str, Evaluation] = {}
        # Of each training what chooses weights beside its own validation.
        self.kept: dict[str, dict[Criterion, None]] = {}
        self.labels = Labels()

    def cells(self, row: Row, approach: Approach) -> list[Cell]:
        """Place a row's cells of one approach, one for each seed and fold.

        Raises:
            ProblemError: the model lacks what the approach needs.
        """
        places = row.table.places_of(row.config.model.word, approach)
        return [
            cell
            for place in places
            for seed in row.table.seeds
            for folds in row.table.folds_of(place)
            if (cell := self._cell(row, place, approach, seed, folds))
        ]

    def _cell(self, row: Row, place: Place, approach: Approach, seed: int, folds: Folds) -> Cell | None:
        sources, target, test = place
        training = self.training(row, place, approach, seed, folds)
        require_layers(training.spec, test)
        if row.variant.repeats and not has_a_choice(training.spec, row.variant.select):
            return None
        chosen = self._chosen(row, place, training, folds)
        evaluation = "" if row.table.withheld else self.evaluation(row, training, test, folds, chosen).id
        return Cell(
            id="",
            table=row.table.name,
            sources=sources,
            target=target,
            test=test,
            model=row.config.model.word,
            approach=approach.word,
            seed=seed,
            training=training.id,
            evaluation=evaluation,
            variant=row.variant.label,
            point=row.point,
            fold=next((fold.number for fold in folds.values()), 0),
        )

    def _chosen(self, row: Row, place: Place, training: Training, folds: Folds) -> Criterion | None:
        """Return what chooses a cell's weights, after noting all that the training then keeps."""
        word = row.variant.select
        if word == SOURCE:
            return None
        splits = row.trained_by(training.spec.approach.declaration).splits(folds)
        found = criteria(
            row.table, place, training.spec, lambda name: self._corpora((name,), ("val",), splits)[0]
        )
        if word not in found:
            raise lacking(word, place)
        self.kept.setdefault(training.id, {}).update(dict.fromkeys(filter(None, found.values())))
        return found[word]

    def training(self, row: Row, place: Place, approach: Approach, seed: int, folds: Folds) -> Training:
        """Plan a training, and the one that it starts from."""
        sources, target, _ = place
        if approach.trained_as:
            sources = approach.labelled(sources, target)
            place, approach = place._replace(sources=sources), approaches()[approach.trained_as]
        parent = None
        if approach.parent:
            parent = self.training(row, place, approaches()[approach.parent], seed, folds).id
        row = row.trained_by(approach)
        # Without steps there is nothing random: all seeds are one.
        seed = seed if approach.trains else 0
        spec = self._spec(row, place, approach, seed=seed, parent=parent, folds=folds)
        read = {entry.corpus for entry in (*spec.labelled, *spec.unlabelled)}
        used_target = target if target in read and target not in sources else None
        model = row.config.model.word
        words = [model, approach.word, *sources, *([used_target] if used_target else [])]
        words += [*(f"fold{fold.number}" for fold in folds_of(spec)), f"seed{seed}"]
        found = Training(
            id=f"{'-'.join(words).lower()}-{content_hash(spec)}",
            label="",
            model=model,
            approach=approach.word,
            sources=sources,
            target=used_target,
            seed=seed,
            parent=parent,
            spec=spec,
        )
        self.labels.distinguish(found.id, row)
        return self.trainings.setdefault(found.id, found)

    def _spec(
        self, row: Row, place: Place, approach: Approach, *, seed: int, parent: str | None, folds: Folds
    ) -> TrainingSpec:
        sources, target, _ = place
        labelled, unlabelled = approach.labelled(sources, target), approach.unlabelled(sources, target)
        fresh, own, splits = parent is None, own_settings(row.config, approach), row.splits(folds)
        seen = row.config.train.unlabelled_clips
        validation = validated_source(labelled or sources, row.config.train)
        lists = any(isinstance(splits.get(n), HeldOut) for n in (*labelled, *unlabelled, *validation))
        train = training_settings(
            row.config.train, fresh=fresh, approach=approach, own=own, aligns=bool(unlabelled), lists=lists
        )
        model = model_spec(row, approach, sources, labelled, self.weights if fresh else {})
        counted = labelled if train.epochs is not None else ()
        batches = [self._batches(corpus, model, train, splits) for corpus in counted]
        return TrainingSpec(
            recipe=TRAINING_RECIPE,
            model=model,
            approach=ApproachSpec(approach.word, options_of(own), digest_of(approach)),
            labelled=self._corpora(labelled, ("train",), splits),
            unlabelled=tuple(
                entry
                for name in unlabelled
                for entry in self._corpora((name,), unlabelled_splits(name, seen), splits)
            ),
            validation=self._corpora(validation, ("val",), splits)[0],
            train=in_epochs(train, batches),
            seed=seed,
            parent=parent,
            shares=tuple(batches) if len(batches) > 1 else (),
        )

    def _batches(self, corpus: str, model: ModelSpec, train: Train, read_in: Splits) -> int:
        clips, shown = self.clips_of(corpus, read_in.get(corpus)), model.config.shown(corpus).input
        return batches_of(clips, shown, train)

    def evaluation(
        self, row: Row, training: Training, test: str, folds: Folds, chosen: Criterion | None
    ) -> Evaluation:
        """Plan an evaluation."""
        spec = EvaluationSpec(
            recipe=EVALUATION_RECIPE,
            training=training.id,
            test=self._corpora((test,), ("test",), folds)[0],
            protocol=evaluation_settings(row.config.test, training.spec),
            metrics={name: found for name in row.table.metrics if (found := digest_of(find_metric(name)))},
            selection=chosen,
        )
        unit = Evaluation(
            id=f"{training.id}-on-{test.lower()}-{content_hash(spec)}",
            label="",
            training=training.id,
            test=test,
            spec=spec,
        )
        return self.evaluations.setdefault(unit.id, unit)

    def planned(self, training: str) -> Training:
        """Return a training with all that it keeps."""
        return replace(self.trainings[training], kept=tuple(self.kept.get(training, ())))

    def chain(self, training: str) -> list[str]:
        """List what a training starts from, and it, the first parent first."""
        parent = self.trainings[training].parent
        return [*(self.chain(parent) if parent else []), training]

    def _corpora(
        self, names: tuple[str, ...], splits: tuple[str, ...], read_in: Splits
    ) -> tuple[CorpusDigest, ...]:
        return tuple(
            CorpusDigest(
                name,
                "+".join(fold_digest(self.digests[name], split, read_in.get(name)) for split in splits),
                read_in.get(name),
            )
            for name in names
        )
