"""Training steps: the losses of one micro-batch, in the order in which they are propagated back.

A step is a generator. Each (loss, terms) that it yields is to be propagated back before the next is asked
for, so that only one forward pass is held in memory, and no batch norm sees two domains in one batch.

Fine-tuning is the supervised step on a model that starts from a checkpoint (`hd2s.load_weights`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

import torch
from torch import Tensor, nn

from hd2s.losses import domain_loss, saliency_terms
from hd2s.models.hd2s.model import Prediction

SOURCE, TARGET = 0, 1
ACCURACY = "domain/accuracy/"
"""What the names of terms begin with that are watched, and are no part of any loss."""


@dataclass(frozen=True)
class MicroBatch:
    """Clips of one corpus (B, 3, T, H, W), float in [-1, 1], and their last frames' maps (B, H, W), or None.

    `keys` tell the clips apart in messages. `domain` names the corpus to domain-specific parts.
    """

    clips: Tensor
    maps: Tensor | None = None
    keys: Sequence[str] = ()
    domain: str | None = None


Terms = dict[str, Tensor]


class Step(Protocol):
    """What every step takes: labelled and unlabelled micro-batches, λ, and whether L_s has all its terms."""

    def __call__(
        self,
        model: nn.Module,
        labelled: Sequence[MicroBatch],
        unlabelled: Sequence[MicroBatch],
        grl_lambda: float,
        *,
        multi_level: bool = True,
    ) -> Iterator[tuple[Tensor, Terms]]:
        """Yield each loss, a scalar, with the terms that it is the sum of, and the accuracies beside them."""


def supervised(
    model: nn.Module,
    labelled: Sequence[MicroBatch],
    unlabelled: Sequence[MicroBatch] = (),
    grl_lambda: float = 0.0,
    *,
    multi_level: bool = True,
) -> Iterator[tuple[Tensor, Terms]]:
    """Equation 1 on one labelled domain; on several, if they take turns (`take_turns`).

    A model with domain-specific parts (Sect. 3.6) takes those of the batch's domain.
    """
    del unlabelled, grl_lambda
    (batch,) = labelled
    terms = _saliency_terms(model(batch.clips, domain=batch.domain), batch.maps, multi_level)
    yield _total(terms), terms


def adversarial(
    model: nn.Module,
    labelled: Sequence[MicroBatch],
    unlabelled: Sequence[MicroBatch],
    grl_lambda: float,
    *,
    multi_level: bool = True,
) -> Iterator[tuple[Tensor, Terms]]:
    """Equations 1 to 3: source with both losses (d = 0), then target with the domain loss (d = 1).

    Beside each goes the share of its clips that each level's classifier tells right. Averaged over both, ½ is
    what guessing gives: there the features of a level no longer tell the domains apart.
    """
    (source,), (target,) = labelled, unlabelled
    prediction = model(source.clips, grl_lambda=grl_lambda)
    terms = _saliency_terms(prediction, source.maps, multi_level)
    terms |= _domain_terms("source", prediction.domain_logits, SOURCE)
    yield _total(terms), terms | _accuracies(prediction, SOURCE)
    prediction = model(target.clips, grl_lambda=grl_lambda, unlabelled=True)
    terms = _domain_terms("target", prediction.domain_logits, TARGET)
    yield _total(terms), terms | _accuracies(prediction, TARGET)


STEPS: dict[str, Step] = {
    "supervised": supervised,
    "multi_source": supervised,
    "domain_specific": supervised,
    "adversarial": adversarial,
}


def take_turns(
    labelled: Sequence[Iterator[MicroBatch]],
    unlabelled: Sequence[Iterator[MicroBatch]] = (),
    first: int = 0,
) -> Iterator[tuple[list[MicroBatch], list[MicroBatch]]]:
    """Yield, without end, the labelled and the unlabelled clips of each micro-batch of a training.

    Both come from one corpus at a time. Sources, and targets, take turns from one micro-batch to the next,
    on across iterations (Sect. 4.2: one dataset at a time, alternating).

    `first` counts the micro-batches that came before; each iterator must stand where they left it
    (`turns_taken`). Every worker of a training starts at the same `first`.
    """
    for turn in count(first):
        drawn = [[next(of[turn % len(of)])] if of else [] for of in (labelled, unlabelled)]
        yield drawn[0], drawn[1]


def turns_taken(micro_batches: int, place: int, of: int) -> int:
    """Return how many of the first `micro_batches` were the turn of number `place` (from 0) out of `of`."""
    return (micro_batches + of - 1 - place) // of


def _saliency_terms(prediction: Prediction, maps: Tensor, multi_level: bool) -> Terms:
    terms = saliency_terms(prediction, maps, multi_level=multi_level)
    return {f"kld/{name.replace('/', '_')}": term for name, term in terms.items()}


def _domain_terms(name: str, logits: list[Tensor], domain: int) -> Terms:
    return {f"domain/{name}": domain_loss(logits, domain)}


def _accuracies(prediction: Prediction, domain: int) -> Terms:
    told = zip(prediction.levels, prediction.domain_logits, strict=True)
    return {f"{ACCURACY}level_{level}": (x.argmax(1) == domain).to(x.dtype).mean() for level, x in told}


def _total(terms: Terms) -> Tensor:
    return torch.stack(list(terms.values())).sum()
