"""What is hashed into the ids of trainings and evaluations, and what a training reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from datasets.corpora.registry import find
from datasets.loading.windows import eligible
from datasets.resizing import DEFAULT_RESIZING, Size
from grid.plan.size_groups import of_size
from grid.specs.settings import Test, Train
from hd2s.approaches.declaration import Approach
from hd2s.approaches.registry import approaches
from hd2s.models.config import ModelConfig
from hd2s.models.declaration import Model
from hd2s.models.registry import find_model
from manifests.folds import Splitting
from manifests.schema import Clip

Row = Mapping[str, Any]
"""A point of a training's curve: step (int), name (str), value (float)."""


class Read(NamedTuple):
    """Clips that a training reads: of which split, at which size (pixels), how long (frames).

    `resizing`: by which rule they come to that size (`datasets.resizing`). `fold`: what the split is one of,
    where it is none of the corpus' own. `sizes`: those that the split is shown at, of which each photograph
    has one; empty where all have this one. `map_size`: of its maps, if another.
    """

    corpus: str
    split: str
    height: int
    width: int
    clip_length: int
    resizing: str = DEFAULT_RESIZING
    fold: Splitting | None = None
    sizes: tuple[Size, ...] = ()
    map_size: Size | None = None

    def among(self, clips: Sequence[Clip]) -> Sequence[Clip]:
        """Return those of the split's clips that are read."""
        return of_size(eligible(clips, self.clip_length)[0], (self.height, self.width), self.sizes)


def unlabelled_splits(corpus: str, clips: str) -> tuple[str, ...]:
    """Return the splits of a corpus that are seen without their maps: of `train.unlabelled_clips`."""
    known = find(corpus)
    held_out = known is None or known.holds_out
    return ("train", "val") if clips == "train and held-out" and held_out else ("train",)


@dataclass(frozen=True)
class CorpusDigest:
    """A split of a corpus, the digest of the clips in it, and what made it; None for the corpus' own."""

    corpus: str
    digest: str
    fold: Splitting | None = None


@dataclass(frozen=True)
class Criterion:
    """What chooses the weights that are tested, in place of a training's own validation.

    Attributes:
        corpora: those over whose validation splits the mean loss is lowest; none for the last iteration.
        model: which other model of the training (`Approach.further`); empty for its result.
    """

    corpora: tuple[CorpusDigest, ...] = ()
    model: str = ""

    @property
    def name(self) -> str:
        """Say it as a part of files' names; other validation clips have another name."""
        if not self.corpora:
            return "last"
        digest = hashlib.sha256("+".join(each.digest for each in self.corpora).encode()).hexdigest()[:8]
        return "-".join(filter(None, (self.model, "by", self._corpora, digest))).lower()

    @property
    def words(self) -> str:
        """Say it to people."""
        told = f"selected by {self._corpora}" if self.corpora else "last weights"
        return f"{self.model} {told}" if self.model else told

    @property
    def _corpora(self) -> str:
        return "+".join(each.corpus for each in self.corpora)


Validated = tuple[str, CorpusDigest]
"""Which model of a training (`Criterion.model`), and on which corpus."""


def validated(own: CorpusDigest, kept: Iterable[Criterion]) -> tuple[Validated, ...]:
    """List what a training validates for all that is to choose its weights, its own validation first."""
    others = ((each.model, corpus) for each in kept for corpus in each.corpora)
    return tuple(dict.fromkeys((("", own), *others)))


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
    def needs_fixations(self) -> bool:
        """Whether it learns from fixations, and not from maps alone."""
        return self.model.config.needs_fixations or self.approach.declaration.needs_fixations

    @property
    def validation_resizing(self) -> str:
        """By which rule validation frames and maps come to the input's size (`datasets.resizing`)."""
        return self.model.declaration.prediction[self.train.validation_protocol].resizing

    @property
    def validated_by(self) -> dict[str, Any]:
        """What its validation losses depend on beside its weights: where it is alike, they compare."""
        names = ("windows", "starts", "loss", "protocol", "clips")
        how = {f"train.validation_{name}": getattr(self.train, f"validation_{name}") for name in names}
        own = self.validation
        return {"clips": own, "input": self.model.config.shown(own.corpus).input, **how}

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
class EvaluationSpec:
    """All that changes an evaluation's scores.

    Attributes:
        recipe: the version of the code that evaluates.
        training: the id of the training whose model is tested.
        test: on what.
        protocol: how, with the one σ that it comes to.
        metrics: those of plug-ins, scored beside the project's own, and the digests of the plug-ins.
        selection: what chose the weights; None for the training's own validation.
    """

    recipe: int
    training: str
    test: CorpusDigest
    protocol: Test
    metrics: Mapping[str, str] = field(default_factory=dict)
    selection: Criterion | None = None

    @property
    def weights(self) -> str:
        """Which of the training's weights, as `grid.results.output_folder.checkpoint` takes it."""
        return self.selection.name if self.selection else ""

    def as_settings(self) -> dict[str, Any]:
        """Return all of it in plain values."""
        return asdict(self)
