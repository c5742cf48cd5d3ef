"""What models are trained with, as pure functions of maps."""

from __future__ import annotations

import torch
from torch import Tensor

_EPSILON = 2.2e-16  # the authors' guard of division and logarithm, far below float32's resolution at 1


def kld(prediction: Tensor, target: Tensor) -> Tensor:
    """Kullback-Leibler divergence of `prediction` from `target`, both normalised to sum to one.

    A target without mass says nothing about where to look: its divergence and the gradient are 0.

    Args:
        prediction: (..., H, W), float, not negative.
        target: any shape that broadcasts against it, any dtype.

    Returns:
        (...), in nats.
    """
    target = target.to(prediction.dtype)
    target = target / target.sum((-2, -1), keepdim=True).clamp_min(_EPSILON)
    prediction = prediction / prediction.sum((-2, -1), keepdim=True).clamp_min(_EPSILON)
    return (target * torch.log(target / (prediction + _EPSILON) + _EPSILON)).sum((-2, -1))
