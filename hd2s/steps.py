"""Training steps: the losses of one micro-batch, in the order in which they are propagated back.

A step is a generator. Each (loss, terms) that it yields is to be propagated back before the next is asked
for, so that only one forward pass is held in memory, and no batch norm sees two domains in one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hd2s.losses import domain_loss, saliency_terms
from hd2s.model import Prediction

SOURCE, TARGET = 0, 1


@dataclass(frozen=True)
class MicroBatch:
    """Clips (B, 3, T, H, W), float in [-1, 1], and the map of their last frame (B, H, W), or None."""

    clips: Tensor
    maps: Tensor | None = None


Terms = dict[str, Tensor]
Step = Callable[
    [nn.Module, Sequence[MicroBatch], Sequence[MicroBatch], float], Iterator[tuple[Tensor, Terms]]
]


def supervised(
    model: nn.Module, labelled: Sequence[MicroBatch], unlabelled: Sequence[MicroBatch], grl_lambda: float
) -> Iterator[tuple[Tensor, Terms]]:
    """Equation 1 on one labelled domain."""
    del unlabelled, grl_lambda
    (batch,) = labelled
    terms = _saliency_terms(model(batch.clips), batch.maps)
    yield _total(terms), terms


def adversarial(
    model: nn.Module, labelled: Sequence[MicroBatch], unlabelled: Sequence[MicroBatch], grl_lambda: float
) -> Iterator[tuple[Tensor, Terms]]:
    """Equations 1 to 3: source with both losses (d = 0), then target with the domain loss (d = 1)."""
    (source,), (target,) = labelled, unlabelled
    prediction = model(source.clips, grl_lambda=grl_lambda)
    terms = _saliency_terms(prediction, source.maps)
    terms |= _domain_terms("source", prediction.domain_logits, SOURCE)
    yield _total(terms), terms
    terms = _domain_terms("target", model(target.clips, grl_lambda=grl_lambda).domain_logits, TARGET)
    yield _total(terms), terms


STEPS: dict[str, Step] = {"supervised": supervised, "adversarial": adversarial}


def _saliency_terms(prediction: Prediction, maps: Tensor) -> Terms:
    terms = saliency_terms(prediction, maps)
    return {f"kld/{name.replace('/', '_')}": term for name, term in terms.items()}


def _domain_terms(name: str, logits: list[Tensor], domain: int) -> Terms:
    return {f"domain/{name}": domain_loss(logits, domain)}


def _total(terms: Terms) -> Tensor:
    return torch.stack(list(terms.values())).sum()
