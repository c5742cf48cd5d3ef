"""What every approach offers: how a model may use the source and the target domain.

An approach's file ends in `APPROACH = Approach(word, title, …)`. It works on any model that offers what the
approach `needs`; what happens in a training is its `Learner`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn

from hd2s.approaches.protocol import TrainingProtocol
from hd2s.models.config import Fault, ModelConfig
from hd2s.models.contract import Model, SaliencyModel

Corpora = tuple[str, ...]
Need = Literal["features", "domains", "blocks"]
Terms = dict[str, Tensor]

WATCHED = "domain/accuracy/"
"""What the names of terms begin with that are watched, and are no part of any loss."""
GREY = "#999999"


@dataclass(frozen=True)
class MicroBatch:
    """Clips of one corpus.

    Attributes:
        clips: as the model takes them, (B, 3, T, H, W).
        maps: (B, A, H, W) of the answered frames, or None.
        keys: tell the clips apart in messages.
        domain: names the corpus to a model that has layers of its own for it.
        fixations: how many fall into each pixel of the answered frames, (B, A, H, W), for a model that
            `needs_fixations`; else None.
    """

    clips: Tensor
    maps: Tensor | None = None
    keys: Sequence[str] = ()
    domain: str | None = None
    fixations: Tensor | None = None

    @property
    def truth(self) -> Tensor:
        """The maps of a labelled batch; raises ValueError for another."""
        if self.maps is None:
            raise ValueError("expected a labelled batch, found one without maps")
        return self.maps


@dataclass(frozen=True)
class Progress:
    """How far a training is: iterations, and micro-batches within one, counted from 0."""

    iteration: int
    iterations: int
    micro_batch: int = 0
    accumulate: int = 1


@dataclass(frozen=True)
class LearnerOptions:
    """What a learner is told.

    Attributes:
        seed: of the first weights of what is trained beside the model.
        auxiliary: supervise the model's auxiliary maps as well.
        strength: what the strength of an alignment ends at.
        protocol: the paper's choices, or the released code's.
        settings: the approach's own (`Approach.settings`); None for their defaults.
    """

    seed: int = 0
    auxiliary: bool = True
    strength: float = 1.0
    protocol: TrainingProtocol = field(default_factory=TrainingProtocol)
    settings: Any = None


class Learner(nn.Module):
    """A model in training; as it is here, plain supervision (Equation 1).

    Its own modules beside `model` are trained with it and left behind: what lasts is `result()`.

    Args:
        model: with its first weights, or its parent's.
        options: what it is told.
    """

    def __init__(self, model: SaliencyModel, options: LearnerOptions):
        super().__init__()
        self.model, self.options = model, options

    def losses(
        self, labelled: Sequence[MicroBatch], unlabelled: Sequence[MicroBatch], progress: Progress
    ) -> Iterator[tuple[Tensor, Terms]]:
        """Yield the losses, one after the other.

        Each is to be propagated back before the next is asked for, so that only one forward pass is held in
        memory, and no batch norm sees two domains in one batch.

        Yields:
            A loss, a scalar, and the terms that it is the sum of, with what is watched beside them. One
            without a gradient is not propagated back.
        """
        del unlabelled, progress
        (batch,) = labelled
        terms = self.supervised(self.model(batch.clips, domain=batch.domain), batch)
        yield total(terms), terms

    def supervised(self, prediction: Any, batch: MicroBatch) -> Terms:
        """Return the model's own terms of a labelled batch."""
        return self.model.losses(
            prediction, batch.truth, auxiliary=self.options.auxiliary, fixations=batch.fixations
        )

    def watched(self, progress: Progress) -> Mapping[str, float]:
        """Return what is worth a curve beside the terms; the iteration's last micro-batch was `progress`."""
        del progress
        return {}

    def after_step(self) -> None:
        """Do what follows each step of the optimiser; statistics are those of all workers by then."""

    def after_validation(self, loss: float) -> None:
        """Do what follows each validation of `result()`; `loss` is of all workers."""

    def result(self) -> SaliencyModel:
        """Return the model that is validated, saved and tested."""
        return self.model

    def further(self) -> Mapping[str, SaliencyModel]:
        """Return other models of the same training that may be asked for, by the words of the approach."""
        return {}


def total(terms: Terms) -> Tensor:
    """Return the sum of terms, a scalar."""
    return torch.stack(list(terms.values())).sum()


def target_alone(sources: Corpora, target: str | None) -> Corpora:
    """Return the corpora of which a training sees the target alone."""
    del sources
    return (target,) if target else ()


@dataclass(frozen=True)
class Approach:
    """What data a training of this approach sees, what it needs and what it starts from.

    Attributes:
        word: the name in specs, ids and tags.
        title: the name in tables.
        labelled: (sources, target) -> the corpora whose maps supervise the training. The first of them
            also selects the weights, by its validation split (Sect. 4.2); without any, the first source.
        unlabelled: (sources, target) -> the corpora seen without their maps.
        learner: model and options -> what is trained.
        around: a trained model -> the same inside what the approach leaves around it, as `Learner.result`
            returns it; None where nothing is.
        parent: the approach, trained on the sources alone, whose weights are the start; None for a
            fresh model.
        pools: takes all sources of a table together, instead of one at a time.
        needs_target: cannot do without a second domain.
        trained_as: the approach whose very training this is, on this one's `labelled` as sources, under
            another name in tables; empty for its own.
        needs: what it asks of the model: features to work on, layers of a domain's own, blocks in a row.
        learns_smoothing: its result smooths its maps itself, so that no Gaussian follows in evaluation.
        options: sources -> what the model's configuration is given besides the settings.
        settings: a frozen dataclass of the approach's own settings, `approach.<word>.*`; None without any.
        misfits: its settings, the model's configuration -> which of the former cannot work with the latter,
            and what is expected of them.
        iterations: of an approach that looks at clips and learns by no gradient: its settings -> how many it
            takes; None for all others.
        keeps: which of the validated weights last: the "best", or the "last" of a training whose earlier
            ones are not finished, or whose validation cannot tell.
        further: words of other models that its trainings end with beside their result (`Learner.further`).
        follows_lambda: where it has unlabelled clips, the strength of an alignment (`train.lambda_max`)
            matters to it.
        colour: of its lines in charts, as "#rrggbb".
        improves_on: the approach that the significance table compares it with; empty for none.
        smallest_batch: clips that a micro-batch must have for a training step.
        trains: it takes steps; one that does not is for models without weights.
        of_protocol: training protocol → the settings that it stands for with this approach, whatever the
            model (`hd2s.approaches.protocol`).
    """

    word: str
    title: str
    labelled: Callable[[Corpora, str | None], Corpora] = lambda sources, target: sources
    unlabelled: Callable[[Corpora, str | None], Corpora] = lambda sources, target: ()
    learner: Callable[[SaliencyModel, LearnerOptions], Learner] = Learner
    around: Callable[[SaliencyModel], SaliencyModel] | None = None
    parent: str | None = None
    pools: bool = False
    needs_target: bool = False
    trained_as: str = ""
    needs: frozenset[Need] = frozenset()
    learns_smoothing: bool = False
    options: Callable[[Corpora], dict[str, Any]] = lambda sources: {}
    settings: type | None = None
    misfits: Callable[[Any, ModelConfig], Iterable[Fault]] = lambda settings, config: ()
    iterations: Callable[[Any], int] | None = None
    keeps: Literal["best", "last"] = "best"
    further: tuple[str, ...] = ()
    follows_lambda: bool = True
    colour: str = GREY
    improves_on: str = ""
    trains: bool = True
    smallest_batch: int = 1
    of_protocol: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def lacking(self, model: Model, config: ModelConfig) -> list[Need]:
        """List what this approach needs and a model does not offer."""
        offered = {
            "features": bool(config.features),
            "domains": "domains" in model.options,
            "blocks": "blocks" in self.needs and _has_blocks(model, config),
        }
        return sorted(need for need in self.needs if not offered[need])


def _has_blocks(model: Model, config: ModelConfig) -> bool:
    with torch.device("meta"):
        return any(True for _ in model.build(config).blocks())
