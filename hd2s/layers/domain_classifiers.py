"""Hierarchical domain adaptation by gradient reversal (Sect. 3.5): one domain classifier per level."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Per level, the widths of the 1×1 convolutions and of the hidden layers.
_REDUCTION = {1: (64, 32, 4), 2: (64, 4), 3: (128, 16), 4: (512, 64, 16)}
_HIDDEN = {1: (512, 128, 32), 2: (64, 16), 3: (64, 16), 4: (64, 16)}


class _GradientReversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, scale: float) -> Tensor:
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * -ctx.scale, None


def reverse_gradient(x: Tensor, scale: float) -> Tensor:
    """Return `x`, whose gradient will be multiplied by −`scale` on its way back."""
    return _GradientReversal.apply(x, scale)


class _Reduction(nn.Module):
    """1×1 convolution with bias, batch norm, ReLU."""

    def __init__(self, channels_in: int, channels_out: int):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 1)
        self.norm = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu_(self.norm(self.conv(x)))


class _Hidden(nn.Module):
    """Linear layer, batch norm, ReLU, dropout."""

    def __init__(self, features_in: int, features_out: int, dropout: float):
        super().__init__()
        self.linear = nn.Linear(features_in, features_out)
        self.norm = nn.BatchNorm1d(features_out)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(F.relu_(self.norm(self.linear(x))))


class DomainClassifier(nn.Module):
    """Source or target, told from one level's features after temporal removal, (C, H, W) each."""

    def __init__(self, level: int, channels: int, height: int, width: int):
        super().__init__()
        self.reduction = nn.Sequential()
        for narrower in _REDUCTION[level]:
            self.reduction.append(_Reduction(channels, narrower))
            channels = narrower
        self.hidden = nn.Sequential()
        features = channels * height * width
        for i, narrower in enumerate(_HIDDEN[level]):
            self.hidden.append(_Hidden(features, narrower, dropout=0.5 if i else 0.0))
            features = narrower
        self.output = nn.Linear(features, 2)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to log-probabilities (B, 2) of source (0) and target (1)."""
        hidden = self.hidden(self.reduction(features).flatten(1))
        return F.log_softmax(self.output(hidden), dim=1)


class DomainClassifiers(nn.ModuleDict):
    """A `DomainClassifier` behind a gradient reversal for each level in `shapes`: level → (C, T, H, W)."""

    def __init__(self, shapes: Mapping[int, tuple[int, int, int, int]]):
        super().__init__(
            {str(level): DomainClassifier(level, c, h, w) for level, (c, _, h, w) in shapes.items()}
        )

    def forward(self, features: Mapping[int, Tensor], grl_lambda: float) -> list[Tensor]:
        """Map level → (B, C, H, W) to a list of log-probabilities (B, 2), in the order of the levels."""
        return [self[str(level)](reverse_gradient(x, grl_lambda)) for level, x in features.items()]
