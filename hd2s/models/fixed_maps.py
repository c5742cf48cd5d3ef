"""Models that answer every frame with one map, whatever it shows: the centre prior and chance."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from hd2s.models.centre_prior import OneFrameConfig
from hd2s.models.contract import Prediction, SaliencyModel

_SPREAD = 0.2
"""σ of the map before it is fitted, in shares of each side: it has the frame's shape, as fixations on film
have."""


class CentrePrior(SaliencyModel):
    """A map, `prior` (H, W), the answer to every frame; until it is fitted, a Gaussian in the centre."""

    config: OneFrameConfig
    prior: Tensor

    def __init__(self, config: OneFrameConfig):
        super().__init__(config)
        self.register_buffer("prior", torch.empty(config.height, config.width))

    def reset_parameters(self) -> None:
        """Start from the Gaussian, of maximum 1."""
        rows, columns = map(_gaussian, self.prior.shape)
        self.prior.copy_(rows[:, None] * columns)

    def forward(self, clips: Tensor, domain: str | None = None, *, unlabelled: bool = False) -> Prediction:
        """Answer each of the clips (B, 3, 1, H, W) with the map; see `SaliencyModel.forward`."""
        del domain, unlabelled
        return Prediction(self.prior.expand(len(clips), 1, -1, -1))

    def fit(self, maps: Iterator[Tensor]) -> None:
        """Become the mean of the maps, each as a density; maps without mass say nothing."""
        total, count = torch.zeros_like(self.prior, dtype=torch.float64), 0
        for batch in maps:
            mass = batch.double().sum((1, 2))
            total += (batch[mass > 0].double() / mass[mass > 0, None, None]).sum(0)
            count += int((mass > 0).sum())
        if count:
            self.prior.copy_(total / count)


def _gaussian(side: int) -> Tensor:
    offsets = torch.arange(side) - (side - 1) / 2
    return torch.exp(-0.5 * (offsets / (_SPREAD * side)) ** 2)


class Chance(SaliencyModel):
    """Noise (H, W), drawn from the model's seed."""

    config: OneFrameConfig
    noise: Tensor

    def __init__(self, config: OneFrameConfig):
        super().__init__(config)
        self.register_buffer("noise", torch.empty(config.height, config.width))

    def reset_parameters(self) -> None:
        """Draw the noise, in [0, 1)."""
        self.noise.uniform_()

    def forward(self, clips: Tensor, domain: str | None = None, *, unlabelled: bool = False) -> Prediction:
        """Answer each of the clips (B, 3, 1, H, W) with the noise; see `SaliencyModel.forward`."""
        del domain, unlabelled
        return Prediction(self.noise.expand(len(clips), 1, -1, -1))
