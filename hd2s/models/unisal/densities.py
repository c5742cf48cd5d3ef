"""UNISAL's maps are densities, which sum to one over a frame, and are computed as their logarithms."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from hd2s.models.contract import Prediction


def log_density_of(logits: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize logits (N, 1, H, W) and make log-densities of them, (N, *size)."""
    if logits.shape[2:] != size:
        logits = F.interpolate(logits, size, mode="bilinear", align_corners=False)
    return logits.flatten(1).log_softmax(1).unflatten(1, size)


def log_density_in(prediction: Prediction) -> Tensor:
    """Return the log-densities of a prediction, (B, A, H, W)."""
    if prediction.log_density is not None:
        return prediction.log_density
    # What an approach has made of the map is no density.
    found = prediction.saliency.clamp_min(torch.finfo(prediction.saliency.dtype).tiny).log()
    return found - torch.logsumexp(found, (-2, -1), keepdim=True)
