"""Hierarchical domain adaptation by gradient reversal (HD2S Sect. 3.5): a domain classifier per level."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hd2s.layers.features import Feature


class _GradientReversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, scale: float | Tensor) -> Tensor:
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        # As a tensor it would be rounded to a bfloat16 gradient's eight bits, as a number it is not.
        precise = gradient.to(torch.promote_types(gradient.dtype, torch.float32))
        return (precise * -ctx.scale).to(gradient.dtype), None


def reverse_gradient(x: Tensor, scale: float | Tensor) -> Tensor:
    """Return `x`, whose gradient will be multiplied by −`scale`, a scalar, on its way back."""
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
    """Source or target, told from features (C, H, W) as wide as their `Feature` says."""

    def __init__(self, feature: Feature):
        super().__init__()
        channels = feature.channels
        self.reduction = nn.Sequential()
        for narrower in feature.reduction:
            self.reduction.append(_Reduction(channels, narrower))
            channels = narrower
        self.hidden = nn.Sequential()
        units = channels * feature.height * feature.width
        for i, narrower in enumerate(feature.hidden):
            self.hidden.append(_Hidden(units, narrower, dropout=0.5 if i else 0.0))
            units = narrower
        self.output = nn.Linear(units, 2)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to log-probabilities (B, 2) of source (0) and target (1)."""
        hidden = self.hidden(self.reduction(features).flatten(1))
        return F.log_softmax(self.output(hidden), dim=1)


class DomainClassifiers(nn.ModuleDict):
    """A `DomainClassifier` behind a gradient reversal for each of a model's features."""

    def __init__(self, features: Mapping[str, Feature]):
        super().__init__({name: DomainClassifier(feature) for name, feature in features.items()})

    def forward(self, features: Mapping[str, Tensor], grl_lambda: float | Tensor) -> dict[str, Tensor]:
        """Map name → (B, C, H, W) to name → log-probabilities (B, 2); gradients come back times −λ."""
        return {name: net(reverse_gradient(features[name], grl_lambda)) for name, net in self.items()}
