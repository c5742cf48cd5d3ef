"""What every approach's learner offers and is given; with the declaration, all that a plug-in needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from hd2s.approaches.declaration import Approach, target_alone
from hd2s.approaches.protocol import TrainingProtocol
from hd2s.checks import told
from hd2s.models.answers import require_answer
from hd2s.models.capturable import Capturable
from hd2s.models.contract import SaliencyModel

Terms = dict[str, Tensor]

__all__ = [
    "BETWEEN_DOMAINS",
    "DOMAIN_ACCURACY",
    "DOMAIN_LOSS",
    "SOURCE_LOSS",
    "WATCHED",
    "Approach",
    "Learner",
    "LearnerOptions",
    "MicroBatch",
    "Progress",
    "Terms",
    "target_alone",
    "total",
]

DOMAIN_ACCURACY, DOMAIN_LOSS = "domain/accuracy/", "domain/loss/"
WATCHED = (DOMAIN_ACCURACY, DOMAIN_LOSS)
"""What the names of terms begin with that are watched, and are no part of any loss."""
BETWEEN_DOMAINS = ("domain/", "distance/")
"""What the names of terms begin with that are of two domains, as an alignment's; others are of one's maps."""
SOURCE_LOSS = "source/loss/"
"""What the names of curves begin with that are the loss on one of several sources."""


@dataclass(frozen=True)
class MicroBatch:
    """Clips of one corpus.

    Attributes:
        clips: as the model takes them, (B, 3, T, H, W).
        maps: (B, A, H, W) of the answered frames, or None.
        keys: tell the clips apart in messages.
        domain: names the corpus to a model that has layers of its own for it.
        fixations: how many fall into each pixel of the answered frames, (B, A, H, W), for a model or an
            approach that `needs_fixations`; else None.
        source: names the corpus, for a loss of its own among the curves (`SOURCE_LOSS`).
    """

    clips: Tensor
    maps: Tensor | None = None
    keys: Sequence[str] = ()
    domain: str | None = None
    fixations: Tensor | None = None
    source: str = ""

    @property
    def truth(self) -> Tensor:
        """The maps of a labelled batch; raises ValueError for another."""
        if self.maps is None:
            raise ValueError("expected a labelled batch, found one without maps")
        return self.maps


@dataclass(frozen=True)
class Progress:
    """How far a training is: iterations, and micro-batches within one, counted from 0.

    Attributes:
        numbers: of a micro-batch that is recorded, to be repeated with others (`hd2s.training.captured`).
    """

    iteration: int
    iterations: int
    micro_batch: int = 0
    accumulate: int = 1
    numbers: Numbers | None = None

    def number(self, compute: Callable[[Progress], float]) -> float | Tensor:
        """Return a number that changes with the progress, as losses are to use it.

        Returns:
            What `compute` says of this progress; where a micro-batch is recorded, a float64 scalar that will
            hold what it says of each later one.
        """
        return compute(self) if self.numbers is None else self.numbers.read(compute, self)


class Numbers:
    """The numbers that a micro-batch reads which is to be recorded, on its device.

    Each has its place before the recording begins: what is made during one is made anew by each repetition.
    """

    def __init__(self, device: torch.device):
        self._device = device
        self._places: list[tuple[Tensor, Callable[[Progress], float]]] = []
        self._read = 0

    def renew(self, progress: Progress) -> Numbers:
        """Put into all places what is to be read next, from the first on."""
        for place, compute in self._places:
            place.fill_(compute(progress))
        self._read = 0
        return self

    def read(self, compute: Callable[[Progress], float], progress: Progress) -> Tensor:
        """Return the place of the next one, which is made when all are read for the first time."""
        if self._read == len(self._places):
            value = torch.full((), compute(progress), dtype=torch.float64, device=self._device)
            self._places.append((value, compute))
        self._read += 1
        return self._places[self._read - 1][0]


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


class Learner(Capturable, nn.Module):
    """A model in training; as it is here, plain supervision (Equation 1).

    Its own modules beside `model` are trained with it and left behind: what lasts is `result()`. Of an
    interrupted training it gets its `state_dict()` back, and nothing else: what it counts or keeps is a
    buffer or its `get_extra_state`, never a plain attribute or a module's global. Of several workers the
    training's own optimiser takes the mean of all gradients; one that a learner has beside it moves by its
    worker's alone.

    Args:
        model: with its first weights, or its parent's.
        options: what it is told.
    """

    capturable = True

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
        """Return the model's own terms of a labelled batch.

        Raises:
            ValueError: the prediction has another shape than the model announces, or there are no terms.
        """
        require_answer(prediction, batch.clips, self.model.config)
        terms: object = self.model.losses(
            prediction, batch.truth, auxiliary=self.options.auxiliary, fixations=batch.fixations
        )
        if not isinstance(terms, dict) or not terms:
            raise ValueError(f"the model's `losses` are to return terms by name, found {told(terms)}")
        return terms

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
