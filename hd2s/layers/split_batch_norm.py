"""Batch norms as several GPUs have them that share a batch: each sees its own part of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SplitBatchNorm3d(nn.BatchNorm3d):
    """A batch norm that sees the parts of a batch apart in training, as replicas of a model do.

    It is what `torch.nn.DataParallel` makes of a batch norm over as many GPUs, on one device: each part is
    normalised by its own mean and variance, and the first one's alone go into the running statistics.

    Args:
        channels: C.
        parts: of the batch, equally long but for the last; a batch of fewer clips has as many parts as clips.
        eps: added to the variance.
        momentum: the share of a batch in the running statistics.
    """

    def __init__(self, channels: int, parts: int, *, eps: float, momentum: float):
        super().__init__(channels, eps=eps, momentum=momentum)
        self.parts = parts

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (B, C, T, H, W)."""
        if not self.training:
            return super().forward(x)
        first, *others = x.chunk(self.parts)
        apart = [
            F.batch_norm(part, None, None, self.weight, self.bias, training=True, eps=self.eps)
            for part in others
        ]
        return torch.cat([super().forward(first), *apart])


def split_batch_norms(model: nn.Module, parts: int) -> None:
    """Put a `SplitBatchNorm3d` in the place of each 3-D batch norm of a model that is being built."""
    for owner in list(model.modules()):
        for name, norm in owner.named_children():
            if isinstance(norm, nn.BatchNorm3d):
                momentum = norm.momentum or 0.0
                own = SplitBatchNorm3d(norm.num_features, parts, eps=norm.eps, momentum=momentum)
                setattr(owner, name, own)
