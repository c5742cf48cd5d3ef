"""HD2S in the style of the released code: the yardstick of `model_speed.py`.

Plain 3-D convolutions and pools in contiguous memory, layer by layer; priors map by map; a two-dimensional
Gaussian; losses clip by clip. It computes what ours computes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hd2s.layers.convolution import MaxPool3d
from hd2s.layers.domains import DomainBatchNorm2d, GaussianPriors, GaussianSmoothing
from hd2s.layers.s3d.network import ConvUnit
from hd2s.models.contract import Prediction
from hd2s.models.hd2s.conspicuity import Conv2dUnit, DepthwiseSeparableConv


class ReleasedUnit(nn.Module):
    """Convolutions, each with its batch norm and ReLU, as separate layers."""

    def __init__(self, *pairs: tuple[nn.Module, nn.Module]):
        super().__init__()
        self.layers = nn.ModuleList(nn.ModuleList([_plain_convolution(c), n, nn.ReLU()]) for c, n in pairs)

    def forward(self, x: Tensor, domain: str | None = None) -> Tensor:
        for conv, norm, relu in self.layers:
            x = conv(x)
            x = relu(norm(x, domain) if isinstance(norm, DomainBatchNorm2d) else norm(x))
        return x


def _plain_convolution(conv: nn.Module) -> nn.Module:
    kind = nn.Conv3d if conv.weight.dim() == 5 else nn.Conv2d
    shape = conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding
    return kind(*shape, groups=conv.groups, bias=False)


class ReleasedPriors(nn.Module):
    """Prior maps made one after the other."""

    def __init__(self, priors: GaussianPriors):
        super().__init__()
        self.gaussians = priors.gaussians

    def forward(self, x: Tensor, domain: str) -> Tensor:
        points = [torch.linspace(0, 1, n, device=x.device) for n in x.shape[2:]]
        grids = torch.meshgrid(*points, indexing="ij")
        maps = []
        for gaussian in self.gaussians[domain]:
            one = torch.full_like(grids[0], 6.0)
            for (mu, log_sigma), grid in zip(gaussian, grids, strict=True):
                one = one * torch.exp(-(((grid - mu) / log_sigma.exp()) ** 2) / 2)
            maps.append(one)
        return torch.cat([x, torch.stack(maps).expand(len(x), -1, -1, -1)], dim=1)


class ReleasedSmoothing(nn.Module):
    """One two-dimensional convolution."""

    def __init__(self, smoothing: GaussianSmoothing):
        super().__init__()
        self.radius, self.sigma = smoothing.radius, smoothing.sigma

    def forward(self, maps: Tensor) -> Tensor:
        r = torch.arange(-self.radius, self.radius + 1, device=maps.device)
        kernel = torch.exp(-(r[:, None] ** 2 + r**2) / (2 * self.sigma**2))
        return F.conv2d(maps[:, None], (kernel / kernel.sum())[None, None], padding=self.radius).squeeze(1)


def in_released_style(module: nn.Module) -> nn.Module:
    """Replace every part of an HD2S by its plain counterpart."""
    plain = {
        ConvUnit: lambda m: ReleasedUnit((m.conv, m.norm)),
        Conv2dUnit: lambda m: ReleasedUnit((m.conv, m.norm)),
        DepthwiseSeparableConv: lambda m: ReleasedUnit(
            (m.depthwise, m.depthwise_norm), (m.pointwise, m.pointwise_norm)
        ),
        MaxPool3d: lambda m: nn.MaxPool3d(m.kernel, m.stride, m.padding),
        GaussianPriors: ReleasedPriors,
        GaussianSmoothing: ReleasedSmoothing,
    }
    for name, child in module.named_children():
        if type(child) in plain:
            setattr(module, name, plain[type(child)](child))
        else:
            in_released_style(child)
    module.memory_format = torch.contiguous_format
    return module


def released_loss(prediction: Prediction, maps: Tensor) -> Tensor:
    """Equation 1 clip by clip and map by map; `maps`: (B, 1, H, W)."""
    eps, loss = 2.2e-16, 0.0
    levels = [found for name, found in prediction.auxiliary.items() if name != "unsmoothed"]
    for found in (prediction.saliency, *levels):
        term = 0.0
        for p, g in zip(found, maps, strict=True):
            p, g = p / p.sum(), g / g.sum()  # noqa: PLW2901
            term = term + (g * torch.log(eps + g / (p + eps))).sum()
        loss = loss + term / len(maps)
    return loss
