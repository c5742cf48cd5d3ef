"""A table's row while it is planned: its settings, and what of them a training and an evaluation take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from datasets.loading.windows import eligible
from grid.plan import ModelSpec, TrainingSpec
from grid.plan.size_groups import by_size, whole_batches
from grid.planning.identity import options_of
from grid.specs.plugins import digest_of
from grid.specs.settings import Config, Test, Train
from grid.specs.settings_reader import approach_settings
from grid.specs.table import TableSpec, Variant
from hd2s.approaches.declaration import Approach
from hd2s.models.config import ConfigError, Input, ModelConfig
from hd2s.models.registry import find_model
from manifests.clips import stills
from manifests.folds import Fold, HeldOut, Splitting
from manifests.problem import Problem, ProblemError
from manifests.schema import Clip

Digests = Mapping[str, Mapping[str, str]]
"""Corpus → split → digest of the clips in it."""
Folds = Mapping[str, Fold]
"""Corpus → the fold of its table that it is read in."""
Splits = Mapping[str, Splitting]
"""Corpus → what it is read in, in place of its own splits."""
ClipsOf = Callable[[str, Splitting | None], Sequence[Clip]]
"""Corpus and what it is read in → its training clips."""
# What means nothing to a training that follows no gradient and keeps what it ends with.
_OF_GRADIENTS = (
    *("optimiser", "momentum", "lr", "weight_decay"),
    *("lr_curve", "lr_decay", "lr_milestones", "lr_period", "lr_warmup"),
    *("clip_gradient", "gradients", "multi_level", "validate_every"),
)
_OF_UNTRAINED = (
    *("resizing", "validation_windows", "validation_starts", "validation_clips", "validation_protocol"),
    "splits",
)
_OF_LAMBDA = ("lambda_max", "lambda_every")
_OF_ALIGNMENT = ("adversarial_multi_level", "unlabelled_clips")


class Configure(Protocol):
    """What gives the settings of a row."""

    def __call__(self, model: str, under: Sequence[str], over: Sequence[str], approach: str = "") -> Config:
        """Return a model's settings with `under` under the user's, and `over` over them.

        Args:
            model: its word.
            under: as a dot-list.
            over: as a dot-list.
            approach: with which it is trained; empty for what holds for all.

        Raises:
            ProblemError: some are unknown or impossible.
        """


@dataclass(frozen=True)
class Row:
    """One model's row of a table, for one variant and one point of the sweep.

    Attributes:
        config: its settings, as far as they hold for all approaches.
        distinction: what tells variant and point from others in labels.
        configure: approach -> the settings with what protocols say of it, and the table if it fine-tunes.
    """

    table: TableSpec
    variant: Variant
    point: tuple[str, ...]
    config: Config
    distinction: tuple[str, ...]
    configure: Callable[[Approach], Config] = field(compare=False, repr=False)

    def trained_by(self, approach: Approach) -> Row:
        """Return the row with the settings of one approach, which are a table's own if it fine-tunes.

        Raises:
            ProblemError: some are impossible.
        """
        finetunes = bool(approach.parent and self.table.finetuning)
        if not finetunes and approach_settings(self.config, approach.word) == approach_settings(self.config):
            return self
        return replace(self, config=self.configure(approach))

    def splits(self, folds: Folds) -> Splits:
        """Return what corpora are read in: a table's folds, or else the lists of the model's release."""
        released = self.config.train.splits == "released"
        lists = find_model(self.config.model.word).model.held_out if released else {}
        return {corpus: HeldOut(*each) for corpus, each in lists.items()} | dict(folds)

    @property
    def key(self) -> tuple[str, str]:
        """What the points of a row have in common."""
        return self.table.name, self.variant.label


def configured_row(
    table: TableSpec, variant: Variant, point: tuple[str, ...], model: str, configure: Configure
) -> Row:
    """Give a row its settings.

    Raises:
        ProblemError: some are unknown or impossible.
    """
    over = (*variant.overrides, *point)

    def of_approach(approach: Approach) -> Config:
        under = (*table.overrides, *(table.finetuning if approach.parent else ()))
        return configure(model, under, over, approach.word)

    config = configure(model, table.overrides, over)
    differs = config != configure(model, table.overrides, ())
    distinction = tuple(filter(None, (variant.label, *point))) if differs else ()
    return Row(table, variant, point, config, distinction, of_approach)


def own_settings(config: Config, approach: Approach) -> Any:
    """Return an approach's own settings; None for one without any."""
    return config.approach.get(approach.word) or (approach.settings and approach.settings())


def misfits_of(config: Config, approach: Approach) -> list[Problem]:
    """List an approach's settings that cannot work with the model's."""
    own = own_settings(config, approach)
    return [
        Problem(f"approach.{approach.word}.{name}", expected, str(getattr(own, name)), "Correct it.")
        for name, expected in approach.misfits(own, config.model.config)
    ]


def model_spec(
    row: Row,
    approach: Approach,
    sources: tuple[str, ...],
    labelled: tuple[str, ...],
    weights: Mapping[str, str | None],
) -> ModelSpec:
    """Return the model of a row's training.

    Args:
        row: whose settings it has.
        approach: how it is trained.
        sources: of its place in the table.
        labelled: whose maps supervise it; others than the sources where it is fine-tuned.
        weights: model → the digest of what it starts from; of one that starts from a parent's none.

    Raises:
        ProblemError: it cannot be built, or lacks what the approach needs.
    """
    chosen, model = row.config.model, find_model(row.config.model.word).model
    if lacking := approach.lacking(model, chosen.config):
        expected = f"a model with {' and '.join(lacking)}, which {approach.word} works on"
        remedy = f"Leave {approach.word} out of the approaches, or {model.word} out of the models."
        raise ProblemError(Problem(f"model {model.word}", expected, "one without", remedy))
    if misfits := misfits_of(row.config, approach):
        raise ProblemError(misfits)
    options = dict(chosen.options) | approach.options(sources)
    try:
        config = model.config(**options).trained_on((*sources, *labelled))
    except ConfigError as error:
        remedy = "Correct the settings, or leave the approach out."
        raise ProblemError(
            Problem(f"{approach.word} of {model.word}", "what it can be built with", str(error), remedy)
        ) from error
    if approach.trains:
        require_batch(row.config, config, approach)
    start = weights.get(model.word) if model.trains and row.config.train.pretrained else None
    return ModelSpec(model.word, options_of(config), start, digest_of(model))


def training_settings(
    train: Train, *, fresh: bool, approach: Approach, aligns: bool, own: Any = None, lists: bool = False
) -> Train:
    """Return a training's own settings: those of others are at their defaults.

    Args:
        train: of all trainings.
        fresh: it starts from no other one's weights.
        approach: what it does.
        aligns: it sees clips without their maps.
        own: the approach's own settings.
        lists: it reads a corpus of which the model's release has lists of its own.
    """
    plain = Train()
    train = train if lists else replace(train, splits=plain.splits)
    if not approach.trains:
        return replace(plain, **{name: getattr(train, name) for name in _OF_UNTRAINED})
    changed: dict[str, Any] = {
        # It is what it stands for, which could be asked for as well.
        "protocol": plain.protocol,
        # Of initial weights their digest tells, and of what is validated on as well.
        "pretrained": plain.pretrained,
        "validation_source": plain.validation_source,
        "finetune_iterations": plain.finetune_iterations,
        "finetune_lr": plain.finetune_lr,
        # How often a training is saved does not change what it becomes.
        "checkpoint_every": plain.checkpoint_every,
    }
    if not fresh:
        lr = train.lr if train.finetune_lr is None else train.finetune_lr
        changed |= {"iterations": train.finetune_iterations, "lr": lr}
    if approach.iterations:
        changed |= {name: getattr(plain, name) for name in _OF_GRADIENTS}
        changed |= {"iterations": approach.iterations(own), "epochs": None}
    if not (aligns and approach.follows_lambda):
        # There is no λ: trainings that differ in its settings alone are one.
        changed |= {name: getattr(plain, name) for name in _OF_LAMBDA}
    if not aligns:
        changed |= {name: getattr(plain, name) for name in _OF_ALIGNMENT}
    return replace(train, **changed)


def validated_source(sources: Sequence[str], train: Train) -> tuple[str, ...]:
    """Return the source whose validation split chooses weights; none of none."""
    return (train.validation_source,) if train.validation_source in sources else tuple(sources[:1])


def batches_of(clips: Sequence[Clip], shown: Input, train: Train) -> int:
    """Count the whole micro-batches that a corpus' clips make; 1 at least, so that small ones are seen."""
    found, _ = eligible(clips, shown.shortest)
    groups = by_size(found, shown.size, shown.trained_sizes)
    return max(sum(whole_batches(groups, train.batch_of(bool(stills(found).any()))).values()), 1)


def in_epochs(train: Train, batches: Sequence[int]) -> Train:
    """Return a training's settings with its epochs as iterations, of so many micro-batches of each source."""
    if train.epochs is None:
        return train
    each = max(sum(batches) // train.accumulate, 1)
    iterations = train.epochs * each
    return replace(train, epochs=None, iterations=iterations, lr_period=each, validate_every=each)


def evaluation_settings(test: Test, trained: TrainingSpec) -> Test:
    """Return the settings of an evaluation, with the one σ that it comes to, however it was said."""
    if not trained.model.declaration.trains:
        # Nothing of its maps is computed, and so nothing in another precision.
        test = replace(test, precision="float32")
    if trained.approach.declaration.learns_smoothing or trained.model.config.learns_smoothing:
        return replace(test, smoothing_sigma=None)
    if test.smoothing_sigma is not None:
        return test
    offered = trained.model.declaration.prediction
    return replace(test, smoothing_sigma=offered[test.protocol].smoothing_sigma)


def require_layers(spec: TrainingSpec, test: str) -> None:
    """Make sure that a model with layers of domains' own has some for what it is trained and tested on.

    Raises:
        ProblemError: for some it has none.
    """
    approach, config = spec.approach.declaration, spec.model.config
    corpora = dict.fromkeys((test, *(entry.corpus for entry in spec.labelled)))
    lacking = [name for name in corpora if "domains" in approach.needs and config.domain_of(name) is None]
    if lacking:
        expected = f"corpora that {approach.word} has layers for: its sources"
        remedy = "Test it on its sources, or take an approach without layers of domains' own."
        raise ProblemError(Problem(approach.word, expected, name, remedy) for name in lacking)


def require_batch(config: Config, model: ModelConfig, approach: Approach) -> None:
    """Make sure that a micro-batch has the clips that a training step of model and approach needs.

    Raises:
        ProblemError: it has fewer.
    """
    found, size = config.train.micro_batch, " × ".join(map(str, (model.input.frames, *model.input.size)))
    needed = {
        approach.word: (approach.smallest_batch, f"or leave {approach.word} out of the approaches"),
        f"{config.model.word} at {size}": (model.smallest_batch, "or larger or longer ones (model.*)"),
    }
    problems = [
        Problem(
            "train.micro_batch",
            f"{least} or more, which {who} needs",
            str(found),
            f"Take more clips at a time, {or_else}.",
        )
        for who, (least, or_else) in needed.items()
        if found < least
    ]
    if problems:
        raise ProblemError(problems)
