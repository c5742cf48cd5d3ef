"""The training objectives of HD2S: Eq. 1 (saliency), Eq. 2 and 3 (domains), Eq. 4 (λ schedule)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from hd2s.models.hd2s.model import Prediction

_EPSILON = 2.2e-16  # the authors' guard of division and logarithm, far below float32's resolution at 1


def kld(prediction: Tensor, target: Tensor) -> Tensor:
    """Kullback-Leibler divergence of `prediction` from `target`, both normalised to sum to one.

    `prediction`: (..., H, W), float, not negative. `target`: any shape that broadcasts against it, any
    dtype. Returns (...), in nats. A target without mass says nothing about where to look: its divergence and
    the gradient are 0.
    """
    target = target.to(prediction.dtype)
    target = target / target.sum((-2, -1), keepdim=True).clamp_min(_EPSILON)
    prediction = prediction / prediction.sum((-2, -1), keepdim=True).clamp_min(_EPSILON)
    return (target * torch.log(target / (prediction + _EPSILON) + _EPSILON)).sum((-2, -1))


def saliency_terms(prediction: Prediction, maps: Tensor, *, multi_level: bool = True) -> dict[str, Tensor]:
    """Return the terms of Eq. 1 by name: "saliency", "conspicuity/1" (the shallowest), and so on.

    Each is a scalar, the mean over the batch, in which maps without mass count as 0. `maps`: ground truth
    (B, H, W) of the last frames. Without `multi_level` the saliency map alone is supervised (Table 3); so
    it is in a model of a single level, whose one map would otherwise count twice.
    """
    outputs = prediction.saliency.unsqueeze(1)
    names = ["saliency"]
    if multi_level and len(prediction.levels) > 1:
        outputs = torch.cat([outputs, prediction.conspicuity], dim=1)
        names += [f"conspicuity/{level}" for level in prediction.levels]
    terms = kld(outputs, maps.unsqueeze(1)).mean(0)
    return dict(zip(names, terms.unbind(), strict=True))


def saliency_loss(prediction: Prediction, maps: Tensor, *, multi_level: bool = True) -> Tensor:
    """Return the multi-level loss of Eq. 1, a scalar: the sum of `saliency_terms`, equally weighted."""
    return torch.stack(list(saliency_terms(prediction, maps, multi_level=multi_level).values())).sum()


def domain_loss(domain_logits: Sequence[Tensor], domain: int) -> Tensor:
    """Return the scalar Σᵢ of Eq. 3 over the domain classifiers, each the batch mean of Eq. 2.

    `domain_logits`: log-probabilities (B, 2) per classifier. `domain`: 0 for clips of the source, 1 for the
    target.
    """
    return -torch.stack([log_probabilities[:, domain].mean() for log_probabilities in domain_logits]).sum()


def grl_lambda(progress: float) -> float:
    """Return λ of Eq. 4, from 0 at the start of training to 1 − 9e-5 at its end.

    `progress`: p of Eq. 5, the current iteration over the total. Raises ValueError outside [0, 1].
    """
    if not 0 <= progress <= 1:
        raise ValueError(f"Progress is current iteration / total iterations, in [0, 1]; found {progress}.")
    return 2 / (1 + math.exp(-10 * progress)) - 1
