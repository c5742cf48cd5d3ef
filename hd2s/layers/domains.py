"""Parts of which every training corpus, a domain, has its own (domain-specific learning, HD2S Sect. 3.6).

A clip runs through its own domain's parts alone, so that the others get neither gradients nor statistics
from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

N_PRIORS = 16
"""Prior maps of each level and domain."""

_PEAK = 6.0  # of a prior map, so that it is as large as the features beside it


def of_domain(parts: nn.ModuleDict, domain: str | None) -> nn.Module:
    """Return a domain's own part.

    Raises:
        ValueError: no domain is given.
    """
    if domain is None:
        raise ValueError(f"expected one of the domains {', '.join(parts)}, found none")
    return parts[domain]


class DomainBatchNorm2d(nn.ModuleDict):
    """Domain → batch norm (eps 1e-5), with statistics and an affine map of its own.

    Args:
        channels: C.
        domains: their names.
        momentum: of all of them, or of each.
    """

    def __init__(self, channels: int, domains: Sequence[str], momentum: float | Mapping[str, float]):
        each = momentum if isinstance(momentum, Mapping) else dict.fromkeys(domains, momentum)
        super().__init__({name: nn.BatchNorm2d(channels, momentum=each[name]) for name in domains})

    def forward(self, x: Tensor, domain: str) -> Tensor:
        """Normalise (B, C, H, W) of one domain."""
        return self[domain](x)


class GaussianPriors(nn.Module):
    """Learned Gaussian prior maps.

    Attributes:
        gaussians: domain → parameters (16, 2, 2): map; y or x; μ or log σ, in shares of the map's side, so
            that they hold at any size.
    """

    def __init__(self, domains: Sequence[str]):
        super().__init__()
        self.gaussians = nn.ParameterDict(
            {name: nn.Parameter(torch.empty(N_PRIORS, 2, 2)) for name in domains}
        )

    def reset_parameters(self) -> None:
        """Nine on a 3×3 grid, three stretched along y, three along x, one wide in the centre."""
        quarters = (0.25, 0.5, 0.75)
        narrow, wide = -1.5, 0.0
        rows = [((y, narrow), (x, narrow)) for y in quarters for x in quarters]
        rows += [((0.5, wide), (x, narrow)) for x in quarters]
        rows += [((y, narrow), (0.5, wide)) for y in quarters]
        rows += [((0.5, wide), (0.5, wide))]
        with torch.no_grad():
            for parameter in self.gaussians.values():
                parameter.copy_(torch.tensor(rows))

    def shares(self, domain: str) -> Tensor:
        """Return the domain's μ and σ, (16, 2, 2): map; y or x; μ or σ, in shares of the side."""
        mu, log_sigma = self.gaussians[domain].detach().unbind(2)
        return torch.stack([mu, log_sigma.exp()], dim=2)

    def forward(self, features: Tensor, domain: str) -> Tensor:
        """Append the domain's maps to `features`: (B, C, H, W) → (B, C + 16, H, W)."""
        y, x = self.gaussians[domain].unbind(1)
        rows, columns = gaussian_profiles(y, features.shape[2]), gaussian_profiles(x, features.shape[3])
        maps = _PEAK * rows[:, :, None] * columns[:, None, :]
        maps = maps.to(features.dtype).expand(len(features), -1, -1, -1)
        order = torch.channels_last if features.is_contiguous(memory_format=torch.channels_last) else None
        # Of inputs in different orders torch.cat makes a contiguous one, which every decoder would then copy.
        return torch.cat([features, maps if order is None else maps.contiguous(memory_format=order)], dim=1)


def gaussian_profiles(parameters: Tensor, n: int) -> Tensor:
    """Evaluate Gaussians of peak 1 (K, 2), μ and log σ each, on n points from 0 to 1: (K, n)."""
    mu, log_sigma = parameters.unsqueeze(2).unbind(1)
    points = torch.linspace(0, 1, n, dtype=parameters.dtype, device=parameters.device)
    return torch.exp(-(((points - mu) / log_sigma.exp()) ** 2) / 2)


class GaussianSmoothing(nn.Module):
    """A Gaussian filter of learned width; zeros beyond the border.

    The two-dimensional kernel, cut to a square and normalised to sum to one, is the product of two
    one-dimensional ones: each runs as a matrix along its axis, in full precision on every device.

    Attributes:
        sigma: the width, a scalar, in pixels.
    """

    def __init__(self, max_sigma: float):
        super().__init__()
        self.max_sigma = max_sigma
        self.radius = math.ceil(6 * max_sigma) // 2
        self.sigma = nn.Parameter(torch.empty(()))

    def reset_parameters(self) -> None:
        """Start in the middle."""
        nn.init.constant_(self.sigma, self.max_sigma / 2)

    def forward(self, maps: Tensor) -> Tensor:
        """Smooth (B, H, W)."""
        rows, columns = (self._matrix(n) for n in maps.shape[1:])
        return rows @ maps @ columns.T

    def kernel(self) -> Tensor:
        """Return the filter, (2R + 1, 2R + 1), R its `radius`."""
        profile = self._matrix(2 * self.radius + 1)[self.radius]
        return profile[:, None] * profile

    def _matrix(self, n: int) -> Tensor:
        offsets = torch.arange(max(n, self.radius + 1), dtype=self.sigma.dtype, device=self.sigma.device)
        half = torch.exp(-(offsets**2) / (2 * self.sigma**2)) * (offsets <= self.radius)
        half = half / (2 * half.sum() - half[0])
        positions = torch.arange(n, device=self.sigma.device)
        return half[(positions[:, None] - positions).abs()]
