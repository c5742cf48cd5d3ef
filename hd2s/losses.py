"""What models are trained with, as pure functions of maps."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

_EPSILON = 2.2e-16  # the authors' guard of division and logarithm, far below float32's resolution at 1
_ROUNDINGS = 16  # of a value's last place, in which equal values may differ from their mean

# `masked_fill` and not `torch.where`, which copies a number to a GPU and waits for it.


def kld(prediction: Tensor, target: Tensor) -> Tensor:
    """Kullback-Leibler divergence of `prediction` from `target`, both normalised to sum to one.

    A target without mass says nothing about where to look: its divergence and the gradient are 0.

    Args:
        prediction: (..., H, W), float, not negative.
        target: any shape that broadcasts against it, any dtype.

    Returns:
        (...), in nats.
    """
    prediction = _exact(prediction)
    target = target.to(prediction.dtype)
    target = target / target.sum((-2, -1), keepdim=True).clamp_min(_EPSILON)
    prediction = prediction / prediction.sum((-2, -1), keepdim=True).clamp_min(_EPSILON)
    return (target * torch.log(target / (prediction + _EPSILON) + _EPSILON)).sum((-2, -1))


def kld_terms(outputs: Mapping[str, Tensor], maps: Tensor) -> dict[str, Tensor]:
    """Return each output's KLD (B, A, H, W) from `maps` (B, A, H, W): means over batch and frames."""
    stacked = torch.stack(list(outputs.values()), dim=1)
    terms = kld(stacked, maps.unsqueeze(1)).mean((0, 2))
    return {f"kld/{name}": term for name, term in zip(outputs, terms.unbind(), strict=True)}


def kld_of_log(log_prediction: Tensor, target: Tensor) -> Tensor:
    """Kullback-Leibler divergence of a log-density from `target`, exact where that is too small to hold.

    Args:
        log_prediction: (..., H, W), float, whose exponentials sum to one.
        target: any shape that broadcasts against it, any dtype, not negative, any scale.

    Returns:
        (...), in nats.
    """
    log_prediction = _exact(log_prediction)
    target = target.to(log_prediction.dtype)
    target = target / target.sum((-2, -1), keepdim=True).clamp_min(_EPSILON)
    return (torch.xlogy(target, target) - target * log_prediction).sum((-2, -1))


def cc(prediction: Tensor, target: Tensor) -> Tensor:
    """Correlate two maps (Pearson); 0, without a gradient, where one of them is the same everywhere.

    Args:
        prediction: (..., H, W), float.
        target: any shape that broadcasts against it, any dtype.

    Returns:
        (...), from -1 to 1.
    """
    prediction = _exact(prediction)
    p, t = _centred(prediction), _centred(target.to(prediction.dtype))
    sizes = p.square().sum((-2, -1)) * t.square().sum((-2, -1))
    flat = sizes == 0
    return ((p * t).sum((-2, -1)) / sizes.masked_fill(flat, 1.0).sqrt()).masked_fill(flat, 0.0)


def nss(prediction: Tensor, fixations: Tensor, empty: float = 0.0) -> Tensor:
    """Take the mean over fixations of the map in its standard deviations (N − 1).

    Args:
        prediction: (..., H, W), float.
        fixations: of the same shape, how many fall into each pixel, any dtype.
        empty: of a frame without any, without a gradient.

    Returns:
        (...); 0 for a map that is the same everywhere.
    """
    prediction = _exact(prediction)
    centred, fixations = _centred(prediction), fixations.to(prediction.dtype)
    variance = centred.square().sum((-2, -1)) / (prediction.shape[-2] * prediction.shape[-1] - 1)
    flat = variance == 0
    found = (centred * fixations).sum((-2, -1)) / variance.masked_fill(flat, 1.0).sqrt()
    count = fixations.sum((-2, -1))
    return (found / count.clamp_min(1)).masked_fill(~(count > 0), empty)


def _exact(maps: Tensor) -> Tensor:
    """Return maps in single precision, or double as they are: half of it holds neither sums nor guards."""
    return maps.to(torch.promote_types(maps.dtype, torch.float32))


def _centred(maps: Tensor) -> Tensor:
    """Return maps less their mean; exact zeros where they differ from it by rounding alone."""
    centred = maps - maps.mean((-2, -1), keepdim=True)
    rounding = _ROUNDINGS * torch.finfo(maps.dtype).eps * maps.abs().amax((-2, -1), keepdim=True)
    return centred.masked_fill(~(centred.abs().amax((-2, -1), keepdim=True) > rounding), 0.0)
